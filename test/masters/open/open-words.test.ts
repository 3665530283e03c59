/** Which words `muxguard open` takes. */
import { describe, expect, it } from "vitest";
import { readOpenWords, unknownPath } from "../../../src/masters/open/open-words.ts";

describe("the words of muxguard open", () => {
  it.each<[string[], object]>([
    [[], { destination: { host: "prod" }, plain: true }],
    [["-C", "-v", "-p", "22"], { destination: { host: "prod", port: 22 }, plain: true }],
    [["-l", "root", "-J", "hop"], { destination: { host: "prod", user: "root", jump: "hop" }, plain: true }],
    [["-o", "HostName=elsewhere"], { destination: { host: "prod" }, plain: false }],
    [["-F", "/etc/other"], { destination: { host: "prod" }, plain: false }],
  ])("are taken: %j", (words, expected) => {
    expect(readOpenWords(words, "prod", undefined)).toEqual({ options: words, ...expected });
    expect(readOpenWords(["--", ...words], "prod", undefined)).toEqual({ options: words, ...expected });
  });

  it("are plain with the file that the guard reads itself", () => {
    expect(readOpenWords([], "prod", "/my/config").plain).toBe(true);
    expect(readOpenWords(["-F", "/my/config"], "prod", "/my/config").plain).toBe(true);
    expect(readOpenWords(["-F", "/other"], "prod", "/my/config").plain).toBe(false);
  });

  it.each<[string[], RegExp]>([
    [
      ["-S", "/tmp/s"],
      /^-S \/tmp\/s is not taken: the master's own socket is hidden; .*--control-path PATH$/,
    ],
    [["-oControlPath=/tmp/s"], /^-o ControlPath=\/tmp\/s is not taken: /],
    [["-F", "config"], /^-F config is not taken: the daemon runs in another folder; give the whole path$/],
    [["-O", "exit"], /^no host, or options that are not for opening a connection; muxguard open HOST/],
  ])("are refused with a reason: %j", (words, reason) => {
    let said = "";
    try {
      readOpenWords(words, "prod", undefined);
    } catch (error) {
      said = String((error as Error).message);
    }
    expect(said).toMatch(reason);
  });

  it("that leave the control path open say how to name it", () => {
    expect(unknownPath(["-F", "/etc/other"], "prod")).toBe(
      'what /etc/other says of prod is not looked up: say --control-path PATH, or set ssh_config = "/etc/other" in config.toml and start the daemon anew',
    );
    expect(unknownPath(["-o", "HostName=x"], "prod")).toMatch(
      /may lead elsewhere than ssh prod: say --control/,
    );
  });
});
