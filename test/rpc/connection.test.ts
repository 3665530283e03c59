import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { RpcError } from "../../src/rpc/connection.ts";
import {
  against,
  answering,
  type Both,
  closed,
  nothing,
  number,
  reasonOf,
  sockets,
  speak,
  text,
} from "./pair.ts";

const pair = async (): Promise<[Both, Both]> => {
  const [near, far] = await sockets();
  return [answering(speak(near, "the guard")), answering(speak(far, "the client"))];
};

const chunks: [string, (text: string) => Buffer[]][] = [
  ["in one piece", (line) => [Buffer.from(line)]],
  ["one byte at a time", (line) => [...Buffer.from(line)].map((byte) => Buffer.of(byte))],
];

const sendAll = async (socket: Socket, pieces: Buffer[]): Promise<void> => {
  for (const piece of pieces) await new Promise<void>((sent) => socket.write(piece, () => sent()));
};

describe("two sides", () => {
  it("answer each other", async () => {
    for (const [one, other] of [await pair(), (await pair()).reverse() as [Both, Both]]) {
      const answers = [one.request("double", 2, number), other.request("double", 3, number)];
      expect(await Promise.all(answers)).toEqual([4, 6]);
    }
  });

  it("may have many open at once, which are answered in whatever order", async () => {
    const [one, other] = await pair();
    const release: (() => void)[] = [];
    other.onRequest("wait", nothing, () => new Promise((resolve) => release.push(() => resolve("done"))));
    const waiting = Array.from({ length: 50 }, () => one.request("wait", null, text));
    expect(await one.request("double", 1, number)).toBe(2);
    for (const go of release.reverse()) go();
    expect(await Promise.all(waiting)).toEqual(Array(50).fill("done"));
  });

  it("pass the words and the code of an error on", async () => {
    const [one, other] = await pair();
    other.onRequest("wait", nothing, () => {
      throw new RpcError(78, "settings: no");
    });
    await expect(one.request("wait", null, text)).rejects.toMatchObject({
      code: 78,
      message: "settings: no",
    });
    other.onRequest("wait", nothing, async () => Promise.reject("a text"));
    await expect(one.request("wait", null, text)).rejects.toMatchObject({ code: 1, message: "a text" });
  });

  it("answer an unknown request with an error, and go on", async () => {
    const [one] = await pair();
    await expect(one.request("missing", null, nothing)).rejects.toThrow("unknown method");
    for (const name of ["constructor", "__proto__", "toString", ""])
      await expect(one.request(name as "missing", null, nothing)).rejects.toThrow("unknown method");
    expect(await one.request("double", 2, number)).toBe(4);
  });

  it("refuse parameters that are not what they should be, and go on", async () => {
    const [one] = await pair();
    await expect(one.request("double", "2" as unknown as number, number)).rejects.toThrow("not a number");
    expect(await one.request("double", 2, number)).toBe(4);
  });

  it("don't take an answer for what it is not, and go on", async () => {
    const [one, other] = await pair();
    other.onRequest("wait", nothing, () => 7 as unknown as string);
    await expect(one.request("wait", null, text)).rejects.toThrow("not a text");
    expect(await one.request("double", 2, number)).toBe(4);
  });

  it("tell each other things", async () => {
    const [one, other] = await pair();
    const heard = new Promise((resolve) => other.onNotification("told", text, resolve));
    one.notify("told", "news");
    expect(await heard).toBe("news");
  });

  it("go on where nobody listens to what they tell", async () => {
    const [one] = await pair();
    one.notify("told", "news");
    expect(await one.request("double", 2, number)).toBe(4);
  });

  it("answer null for undefined, which JSON does not have", async () => {
    const [one, other] = await pair();
    other.onRequest("missing", nothing, () => undefined as unknown as null);
    expect(await one.request("missing", null, nothing)).toBeNull();
  });

  it("answer an error for what JSON does not have", async () => {
    const [one, other] = await pair();
    const circle: unknown[] = [];
    circle.push(circle);
    await expect(one.request("double", circle as unknown as number, number)).rejects.toThrow("circular");
    other.onRequest("double", number, () => 1n as unknown as number);
    await expect(one.request("double", 2, number)).rejects.toThrow("BigInt");
    expect(one.gone.aborted || other.gone.aborted).toBe(false);
  });
});

describe("a request that is no longer wanted", () => {
  it.each(["one", "other"])("is withdrawn at the other side, whoever asked: %s", async (who) => {
    const both = await pair();
    const [one, other] = who === "one" ? both : [both[1], both[0]];
    const withdrawn = new Promise<AbortSignal>((resolve) =>
      other.onRequest("wait", nothing, (_, signal) => {
        signal.addEventListener("abort", () => resolve(signal));
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }),
    );
    const stop = new AbortController();
    const asked = one.request("wait", null, text, stop.signal);
    const refused = expect(asked).rejects.toThrow("this is no longer asked");
    const alongside = one.request("wait", null, text);
    alongside.catch(() => {});
    expect(await one.request("double", 2, number)).toBe(4); // so it has come
    stop.abort();
    await refused;
    expect((await withdrawn).reason.message).toBe("this is no longer asked");
    expect(await Promise.race([alongside, "open"])).toBe("open");
  });

  it("is not asked at all if it was withdrawn before", async () => {
    const { side, lines } = await against();
    await expect(side.request("wait", null, text, AbortSignal.abort(new Error("too late")))).rejects.toThrow(
      "too late",
    );
    expect(lines()).toEqual([]);
  });

  it("is waited for until the other side has taken it back", async () => {
    const { side, peer, next } = await against();
    const stop = new AbortController();
    const asked = side.request("wait", null, text, stop.signal);
    expect(JSON.parse(await next())).toEqual({ id: 1, method: "wait", params: null });
    stop.abort();
    expect(JSON.parse(await next())).toEqual({ cancel: 1 });
    expect(await Promise.race([asked, Promise.resolve("open")])).toBe("open");
    peer.write('{"id":1,"result":"after all"}\n');
    expect(await asked).toBe("after all");
  });

  it("may have been answered when it is cancelled: that is no fault", async () => {
    const { side, peer, next } = await against();
    answering(side);
    peer.write('{"id":1,"method":"double","params":2}\n');
    expect(await next()).toBe('{"id":1,"result":4}');
    peer.write('{"cancel":1}\n{"cancel":99}\n{"id":2,"method":"double","params":3}\n');
    expect(await next()).toBe('{"id":2,"result":6}');
  });

  it("is not sent where it was answered", async () => {
    const { side, peer, next, lines } = await against();
    const stop = new AbortController();
    const asked = side.request("double", 1, number, stop.signal);
    await next();
    peer.write('{"id":1,"result":2}\n');
    expect(await asked).toBe(2);
    stop.abort();
    side.notify("told", "end");
    await next();
    expect(lines()).toHaveLength(2);
  });
});

describe("a side that goes away", () => {
  it("rejects what is open, and aborts what is answered", async () => {
    const { side, peer, next } = await against();
    const withdrawn = new Promise<Error>((resolve) =>
      side.onRequest("wait", nothing, (_, signal) => {
        signal.addEventListener("abort", () => resolve(signal.reason));
        return new Promise(() => {});
      }),
    );
    const open = [side.request("double", 1, number), side.request("double", 2, number)];
    await next();
    peer.write('{"id":1,"method":"wait","params":null}\n{"id":2,"method":"dou'); // in the middle of a message
    peer.destroy();
    for (const one of open) await expect(one).rejects.toThrow("the peer has ended");
    expect((await withdrawn).message).toBe("the peer has ended");
    await expect(side.request("double", 1, number)).rejects.toThrow("the peer has ended");
    side.notify("told", "nobody hears it");
  });

  it("rejects what is open where it ends on this side, too", async () => {
    const [one, other] = await pair();
    const open = one.request("wait", null, text);
    one.end();
    await expect(open).rejects.toThrow("the guard has ended");
    expect(await reasonOf(other)).toBe("the client has ended");
  });

  it("has sent what it said before", async () => {
    const [one, other] = await pair();
    const long = "x".repeat(90_000);
    const heard: string[] = [];
    other.onNotification("told", text, (line) => heard.push(line));
    for (let sent = 0; sent < 20; sent++) one.notify("told", long);
    one.end();
    await reasonOf(other);
    expect(heard).toEqual(Array(20).fill(long));
  });

  it("gets no answer that comes later", async () => {
    const [one, other] = await pair();
    let answer = (_: string): void => {};
    const came = new Promise<void>((resolve) =>
      other.onRequest("wait", nothing, () => {
        resolve();
        return new Promise((done) => {
          answer = done;
        });
      }),
    );
    one.request("wait", null, text).catch(() => {});
    await came;
    one.end();
    await reasonOf(other);
    answer("too late");
    await Promise.resolve();
    expect(other.gone.aborted).toBe(true);
  });
});

describe.each(chunks)("what comes %s", (_, cut) => {
  it("is understood", async () => {
    const { side, peer, next } = await against();
    answering(side);
    await sendAll(
      peer,
      cut('{"id":1,"method":"double","params":21}\n{"id":2,"method":"nö…","params":null}\n'),
    );
    const answers = [await next(), await next()].map((line) => JSON.parse(line));
    expect(answers.find(({ id }) => id === 1)).toEqual({ id: 1, result: 42 });
    expect(answers.find(({ id }) => id === 2)).toEqual({
      id: 2,
      error: { code: 2, message: "unknown method" },
    });
  });

  it.each<[string, string | Buffer, string]>([
    ["no JSON", "{x}\n", "no message"],
    ["the framing of before", "Content-Length: 2\r\n\r\n{}", "no message"],
    ["an empty line", "\n", "no message"],
    ["no UTF-8", Buffer.from([0x22, 0xff, 0x22, 0x0a]), "no UTF-8"],
    ["NUL", "\0\n", "no message"],
    ["a message with more fields", '{"id":1,"method":"double","params":1,"jsonrpc":"2.0"}\n', "no message"],
    ["an answer to nothing", '{"id":1,"result":4}\n', "an answer to nothing"],
    ["an error to nothing", '{"id":1,"error":{"code":1,"message":"x"}}\n', "an answer to nothing"],
    [
      "a second request of one number",
      '{"id":1,"method":"wait","params":null}\n{"id":1,"method":"wait","params":null}\n',
      "the number of an open one",
    ],
    ["a long line", `"${"x".repeat(1000)}`, "a line of more than 1000 bytes"],
    ["too much in all", `${'{"cancel":1}\n'.repeat(200)}`, "more than 2000 bytes"],
  ])("ends the connection: %s", async (_, bytes, reason) => {
    const { side, peer } = await against({ line: 1000, all: 2000 });
    answering(side);
    const end = closed(peer);
    sendAll(
      peer,
      typeof bytes === "string"
        ? cut(bytes)
        : cut(bytes.toString("latin1")).map((one) => Buffer.from(one.toString("utf8"), "latin1")),
    ).catch(() => {});
    expect(await reasonOf(side)).toMatch(new RegExp(`^the peer is cut off: it sent .*${reason}$`));
    await end;
  });
});

describe("a peer that floods", () => {
  it("is cut off when it has too many requests open, before they are answered", async () => {
    const { side, peer } = await against();
    answering(side);
    let sent = "";
    for (let id = 1; id <= 2000; id++) sent += `{"id":${id},"method":"wait","params":null}\n`;
    peer.write(sent);
    expect(await reasonOf(side)).toBe("the peer is cut off: it sent more than 1000 requests at once");
  });

  it("is cut off when it does not read what it asks for", async () => {
    const [near, far] = await sockets();
    const side = speak(near, "the peer");
    side.onRequest("wait", nothing, () => "x".repeat(100_000));
    far.pause();
    const ask = (id: number): void => {
      if (!side.gone.aborted && id < 10_000)
        far.write(`{"id":${id},"method":"wait","params":null}\n`, () => ask(id + 1));
    };
    ask(1);
    expect(await reasonOf(side)).toBe("the peer does not read what it is sent");
  });

  it("is cut off in the middle of what it sent at once: nothing behind a fault is answered", async () => {
    const { side, peer, lines } = await against();
    let asked = 0;
    side.onRequest("double", number, () => asked++);
    const end = closed(peer);
    peer.write('{"id":1,"method":"double","params":1}\nno message\n{"id":2,"method":"double","params":1}\n');
    await end;
    expect(asked).toBe(1);
    expect(lines()).toEqual([]);
  });

  it("can send as many notifications as it may send bytes", async () => {
    const [one, other] = await pair();
    let heard = 0;
    other.onNotification("told", text, () => heard++);
    for (let sent = 0; sent < 5000; sent++) one.notify("told", "x");
    expect(await one.request("double", 1, number)).toBe(2);
    expect(heard).toBe(5000);
  });
});
