import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { Lab } from "./lab.ts";

/** A repository that a web server gives to whoever knows the password of `me`. */
export class GitServer {
  static readonly PASSWORD = "correct horse";
  readonly #folder: string;
  readonly #server: Server;
  port = 0;

  constructor(lab: Lab) {
    const bare = lab.path("repo.git");
    execFileSync("git", ["init", "-q", "--bare", bare]);
    execFileSync("git", ["update-server-info"], { cwd: bare });
    this.#folder = lab.folder;
    this.#server = createServer((request, response) => {
      const { authorization = "" } = request.headers;
      if (
        Buffer.from(authorization.replace("Basic ", ""), "base64").toString() !== `me:${GitServer.PASSWORD}`
      ) {
        response.writeHead(401, { "WWW-Authenticate": 'Basic realm="git"' }).end();
        return;
      }
      const file = `${this.#folder}${new URL(request.url ?? "/", "http://x").pathname}`;
      if (existsSync(file)) response.end(readFileSync(file));
      else response.writeHead(404).end();
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) =>
      this.#server.listen(0, "127.0.0.1", () => {
        const address = this.#server.address();
        if (address && typeof address === "object") this.port = address.port;
        resolve();
      }),
    );
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
