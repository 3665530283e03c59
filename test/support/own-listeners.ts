/** Sockets at which the process of the tests itself listens. */
import { createServer, type Server } from "node:net";

export class OwnListeners {
  readonly #servers: Server[] = [];

  async listen(path: string): Promise<Server> {
    const server = createServer().listen(path);
    this.#servers.push(server);
    await new Promise((resolve) => server.once("listening", resolve));
    return server;
  }

  close(): void {
    for (const server of this.#servers.splice(0)) server.close();
  }
}
