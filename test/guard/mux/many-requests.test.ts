/** A mux client that sends much at once: what others have of it. By counts, as times are those of the machine. */
import { describe, expect, test } from "vitest";
import type { MuxRequest } from "../../../src/wire/mux/request.ts";
import { openMux, packetOf } from "../../support/mux-guard.ts";
import { policy } from "../../support/policy.ts";

const REQUESTS = 40_000;
const alive: MuxRequest = { type: "MUX_C_ALIVE_CHECK", requestId: 1 };
const forward: MuxRequest = {
  ...{ type: "MUX_C_OPEN_FWD", requestId: 1, forward: "local", listenHost: "", listenPort: 8080 },
  ...{ connectHost: "db", connectPort: 5432 },
};
const denying = policy([], { default: "deny" });

describe.each([
  ["ALIVE_CHECKs", alive, 1000],
  ["denied forwards", forward, 200],
])(`a mux client that sends ${REQUESTS.toLocaleString("en")} %s at once`, (_, request, most) => {
  test("holds up no other: that one is answered before many of them are", async () => {
    const { greeted } = await openMux({ policy: denying });
    const [flood, other] = [await greeted(), await greeted()];
    flood.socket.send(Buffer.concat(Array(REQUESTS).fill(packetOf(request))));
    await flood.replies(1);
    for (let asked = 0; asked < 3; asked++) {
      const before = flood.received.length;
      await other.ask(request);
      expect(flood.received.length - before).toBeLessThan(most);
    }
    expect(flood.received.length).toBeLessThan(REQUESTS);
  });
});
