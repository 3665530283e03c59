/** The page of `muxguard log --report`, clicked through in a real Chromium. What is in the log is hostile. */

import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BROWSERS, Browser } from "../../../lab/browser.ts";
import { Lab, until } from "../../../lab/lab.ts";
import { CHAIN_START, follow, linked } from "../../../src/audit/chain.ts";
import type { AuditEvent } from "../../../src/audit/event.ts";
import { describeWith, runs } from "../tools.ts";

describeWith(["chromium"], "the page of muxguard log --report", () => {
  const lab = new Lab();
  const page = lab.path("report.html");
  let server: Server;
  let address: string;
  let called = 0;
  let browser: Browser;

  /** What tries to run, to load and to be markup. */
  const hostile = (): string =>
    `</script><script>window.owned = 1</script><img src="${address}/i" onerror="window.owned = 2">` +
    `<!--<script><link rel=stylesheet href=${address}/s><meta http-equiv=refresh content="0;url=${address}/m">` +
    `\u2028"'\\u003cb> \x1b[31m \u202e`;

  const entry = (at: number): AuditEvent => ({
    time: new Date(Date.UTC(2026, 10, 20 + Math.floor(at / 10), 12, at)).toISOString(),
    id: `entry${at}`,
    kind: "session",
    decision: at % 4 === 0 ? "deny" : "allow",
    by: at % 4 === 0 ? `rule:${hostile()}` : "approver:tmux",
    host: at % 2 === 0 ? "web1" : hostile(),
    verified: true,
    how: "host key known",
    user: "root",
    command: at === 7 ? "uptime seven" : `echo ${hostile()}`,
    caller: {
      ...{ pid: 7, exe: "/usr/bin/ssh", cmdline: ["ssh"], session: "1", container: false },
      ancestors: at % 2 === 0 ? ["/usr/bin/git"] : [`/tmp/${hostile()}`],
    },
    waitedMs: 1000 * at,
  });

  beforeAll(async () => {
    server = createServer((_, reply) => {
      called++;
      reply.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await lab.muxguard("log");
    let [end, text] = [CHAIN_START, ""];
    for (let at = 0; at < 30; at++) {
      const line = linked(JSON.stringify(entry(at)), end);
      end = follow(end, Buffer.from(line));
      text += `${line}\n`;
    }
    writeFileSync(lab.logFile, text, { mode: 0o600 });
    const written = await lab.muxguard("log", "--report", page);
    expect(written).toMatchObject({ code: 0, stderr: "", stdout: `written: ${page} (30 entries)\n` });
    const program = BROWSERS.find((one) => runs("/bin/sh", ["-c", `command -v ${one}`])) ?? "";
    browser = await Browser.open((...args) => lab.start(...args), lab.path("browser"), program, page);
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
    await lab.close();
  });

  const texts = async (selector: string): Promise<string[]> =>
    (await browser.evaluate(
      `[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.textContent)`,
    )) as string[];
  const counted = async (): Promise<string> => (await texts("#counted"))[0] ?? "";

  it("shows days, what decided, hosts by program, and the entries", async () => {
    expect(await texts("h2")).toEqual(["Timeline", "What decided", "Hosts by program", "Entries"]);
    expect(await texts("#timeline g title")).toHaveLength(3);
    expect(await texts("#decisions td")).toEqual(["approver:tmux", "22", "22", "0", "rule", "8", "0", "8"]);
    expect(await texts("#places tr:nth-child(2) td")).toEqual(["web1", "15 (8 denied)", ""]);
    expect(await texts("#entries tr")).toHaveLength(30);
    expect((await texts("#entries .id"))[0]).toBe("entry29");
  });

  it("finds what is typed, by the mouse and the keyboard", async () => {
    await browser.click("#search");
    await browser.type("seven");
    expect(await texts("#entries .id")).toEqual(["entry7"]);
    expect(await counted()).toBe("1 of 30");
    await browser.evaluate("document.querySelector('#search').select()");
    await browser.press("Backspace", 8);
    expect(await counted()).toBe("30 of 30");
  });

  it("shows a day that is clicked, a host that is clicked, and denials alone", async () => {
    await browser.click("#timeline g:nth-child(2) .hit");
    expect(await counted()).toMatch(/^10 of 30 on 2026-11-2\d$/);
    await browser.click("#timeline g:nth-child(2) .hit");
    await browser.click("#places button");
    expect(await counted()).toBe("15 of 30");
    await browser.click("#search");
    await browser.evaluate("document.querySelector('#search').select()");
    await browser.press("Backspace", 8);
    await browser.evaluate(
      "(() => { const one = document.querySelector('#decision'); one.value = 'deny';" +
        " one.dispatchEvent(new Event('change', { bubbles: true })); })()",
    );
    expect(await counted()).toBe("8 of 30");
    expect(new Set(await texts("#entries td:nth-child(3)"))).toEqual(new Set(["deny"]));
  });

  it("makes no markup of what is in the log, runs none of it, and asks nobody for anything", async () => {
    expect(readFileSync(page, "utf8"), "the attack is in the page").toContain("window.owned = 1");
    expect(await browser.evaluate("typeof window.owned")).toBe("undefined");
    expect(await browser.evaluate("document.querySelectorAll('img, link, b').length")).toBe(0);
    expect(await browser.evaluate("document.scripts.length")).toBe(2);
    expect(await browser.evaluate("document.querySelectorAll('meta').length")).toBe(4);
    await until(() => browser.requests.length > 0, "the page itself");
    expect(browser.requests.filter((url) => !url.startsWith("file:"))).toEqual([]);
    // the page's policy, beside that: what it forbids is tried
    const tried = `new Promise((done) => {
      const image = new Image();
      image.onerror = () => done("refused");
      image.onload = () => done("loaded");
      image.src = ${JSON.stringify(address)};
      document.body.append(image);
    })`;
    expect(await browser.evaluate(tried)).toBe("refused");
    const fetched = `fetch(${JSON.stringify(address)}, { mode: "no-cors" }).then(() => "fetched", () => "refused")`;
    expect(await browser.evaluate(fetched)).toBe("refused");
    const script = `(() => { const one = document.createElement("script"); one.textContent = "window.owned = 3";
      document.body.append(one); return typeof window.owned; })()`;
    expect(await browser.evaluate(script)).toBe("undefined");
    expect(called).toBe(0);
  });
});
