/**
 * A repository that a web server gives to whoever knows the password: git's own http-backend (CGI, RFC 3875)
 * behind Node's servers.
 */
import { execFileSync, spawn } from "node:child_process";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { join } from "node:path";
import type { Lab } from "../lab.ts";

export class GitServer {
  /** Of `me`. */
  static readonly PASSWORD = "correct horse";
  readonly #folder: string;
  readonly #backend = join(
    execFileSync("git", ["--exec-path"], { encoding: "utf8" }).trim(),
    "git-http-backend",
  );
  readonly #server: ReturnType<typeof createServer>;
  port = 0;

  /** @param tls in PEM; without it, it is HTTP */
  constructor(lab: Lab, tls?: { key: Buffer; cert: Buffer }) {
    this.#folder = lab.folder;
    execFileSync("git", ["init", "-q", "--bare", lab.path("repo.git")]);
    const answer: RequestListener = (request, response) => this.#answer(request, response);
    this.#server = tls ? createTlsServer(tls, answer) : createServer(answer);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { authorization = "" } = request.headers;
    if (
      Buffer.from(authorization.replace("Basic ", ""), "base64").toString() !== `me:${GitServer.PASSWORD}`
    ) {
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="git"' }).end();
      return;
    }
    const { pathname, search } = new URL(request.url ?? "/", "http://x");
    const backend = spawn(this.#backend, {
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: this.#folder,
        GIT_HTTP_EXPORT_ALL: "1",
        REQUEST_METHOD: request.method,
        PATH_INFO: pathname,
        QUERY_STRING: search.slice(1),
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        REMOTE_USER: "me",
      },
      stdio: ["pipe", "pipe", "ignore"],
    });
    request.pipe(backend.stdin);
    backend.stdin.on("error", () => {}); // it need not read what is sent
    const chunks: Buffer[] = [];
    backend.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    backend.on("close", () => respond(response, Buffer.concat(chunks)));
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

function respond(response: ServerResponse, output: Buffer): void {
  const end = output.indexOf("\r\n\r\n");
  let status = 200;
  for (const line of output.subarray(0, end).toString().split("\r\n")) {
    const [name = "", value = ""] = line.split(/: (.*)/);
    if (name === "Status") status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status).end(output.subarray(end + 4));
}
