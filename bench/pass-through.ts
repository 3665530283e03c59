/**
 * The least that a proxy in Node can do: listens at the first path and passes bytes to the second. A process
 * of its own.
 */
import { connect, createServer } from "node:net";

const [, , own = "", upstream = ""] = process.argv;

const server = createServer((client) => {
  const agent = connect(upstream);
  client.on("data", (chunk) => agent.write(chunk));
  agent.on("data", (chunk) => client.write(chunk));
  client.on("close", () => agent.destroy());
  agent.on("close", () => client.destroy());
  client.on("error", () => client.destroy());
  agent.on("error", () => agent.destroy());
});
server.listen({ path: own, backlog: 1024 }, () => process.send?.("ready"));
process.once("disconnect", () => process.exit());
