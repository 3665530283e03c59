/** `log_to`: entries go to a journal and to a collector, when they are in the file. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Lab, until } from "../../../lab/lab.ts";
import { describeWith, PYTHON } from "../tools.ts";

/** As systemd-journald receives: prints each datagram in hexadecimal. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(1 << 20).hex(), flush=True)
`;

/** The fields of a datagram of the native protocol. */
function fieldsOf(datagram: Buffer): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at < datagram.length; ) {
    const end = datagram.indexOf("\n", at);
    const length = Number(datagram.readBigUInt64LE(end + 1));
    fields[datagram.toString("utf8", at, end)] = datagram.toString("utf8", end + 9, end + 9 + length);
    at = end + 9 + length + 1;
  }
  return fields;
}

describeWith(["ssh", "python"], "log_to", () => {
  const lab = new Lab();
  const socket = lab.path("journal");
  const bodies: { url: string; body: string }[] = [];
  const server = createServer((request, reply) => {
    void text(request).then((body) => {
      bodies.push({ url: request.url ?? "", body });
      reply.end("{}");
    });
  });
  const datagrams: Buffer[] = [];
  let url: string;

  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/logs`;
    await lab.startAgent("upstream.sock", lab.key("key"));
    lab.policy('default = "deny"');
    const receiver = lab.start(PYTHON, ["-c", RECEIVER, socket], { stdio: ["ignore", "pipe", "inherit"] });
    let lines = "";
    receiver.stdout?.setEncoding("utf8").on("data", (more: string) => {
      lines += more;
      const whole = lines.split("\n");
      lines = whole.pop() ?? "";
      for (const line of whole) if (line !== "bound") datagrams.push(Buffer.from(line, "hex"));
      bound ||= whole.includes("bound");
    });
    let bound = false;
    await until(() => bound, "the socket of the journal");
  });
  afterAll(async () => {
    server.close();
    await lab.close();
  });

  const inFile = (): string[] => readFileSync(lab.logFile, "utf8").trimEnd().split("\n");

  it("sends what is in the file to both, as it is there", async () => {
    lab.config(`log_to = ["journald:${socket}", "${url}"]\n`);
    await lab.muxguard("run", "ssh-add", "-D");
    await until(() => datagrams.length === 1 && bodies.length === 1, "both");
    const [line = ""] = inFile();
    expect(fieldsOf(datagrams[0] ?? Buffer.alloc(0))).toMatchObject({
      ...{ MESSAGE: line, PRIORITY: "4", SYSLOG_IDENTIFIER: "muxguard", MUXGUARD_DECISION: "deny" },
      ...{ MUXGUARD_ID: JSON.parse(line).id, MUXGUARD_KIND: "admin" },
    });
    const [sent] = bodies;
    expect(sent?.url).toBe("/v1/logs");
    expect(JSON.parse(sent?.body ?? "")).toMatchObject({
      resourceLogs: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "muxguard" } }] },
          scopeLogs: [{ logRecords: [{ severityText: "WARN", body: { stringValue: line } }] }],
        },
      ],
    });
    const [record] = JSON.parse(sent?.body ?? "").resourceLogs[0].scopeLogs[0].logRecords;
    expect(record.timeUnixNano).toBe(`${Date.parse(JSON.parse(line).time)}000000`);
  });

  it("that nobody takes is told in status, and stops nothing", async () => {
    lab.config(`log_to = "journald:${lab.path("nowhere")}"\n`);
    const daemon = await lab.startDaemon();
    const before = inFile().length;
    await lab.muxguard("run", "ssh-add", "-D");
    await until(() => inFile().length > before, "the entry in the file");
    let shown = "";
    while (!shown.includes("takes no entries")) shown = (await lab.muxguard("status")).stdout;
    expect(shown).toContain(
      `wrong      log_to: journald:${lab.path("nowhere")} takes no entries of the log (ENOENT): they wait`,
    );
    daemon.kill();
    await once(daemon, "exit");
  });

  it.each(["syslog", "journald:socket", "file:///etc/passwd"])(
    "%s is a mistake of config.toml",
    async (name) => {
      lab.config(`log_to = "${name}"\n`);
      const result = await lab.muxguard("run", "true");
      expect(result.code).toBe(78);
      expect(result.stderr).toContain("log_to");
    },
  );
});
