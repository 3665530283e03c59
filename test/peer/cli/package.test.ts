/**
 * What is published: the tarball, beside the packages that it names, as an ordinary user has it after
 * `npm install -g`. Nothing of it may need the repository, or the network.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../../lab/lab.ts";

const root = process.cwd();

/** Of the packages that those need who install muxguard. */
function installedPackages(): string[] {
  const listed = execFileSync("npm", ["ls", "--omit=dev", "--all", "--parseable"], { encoding: "utf8" });
  return listed.split("\n").filter((path) => path.startsWith(join(root, "node_modules/")));
}

describe("the package", () => {
  const lab = new Lab();
  const installed = lab.path("installed");
  const program = (name: string): string => join(installed, "package/bin", name);

  beforeAll(() => {
    mkdirSync(installed);
    const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", installed];
    const tarball = execFileSync("npm", pack, { encoding: "utf8" }).trim();
    execFileSync("tar", ["xzf", join(installed, tarball), "-C", installed]);
    for (const path of installedPackages())
      cpSync(path, join(installed, "package", relative(root, path)), { recursive: true });
  });
  afterAll(() => lab.close());

  const files = (): string[] =>
    readdirSync(join(installed, "package"), { recursive: true, encoding: "utf8" }).filter(
      (name) => !name.startsWith("node_modules"),
    );

  it("has no source map, no source, and no test", () => {
    const odd = files().filter((name) => /\.map$|\.ts$|^(?:src|test|bench|lab)(?:\/|$)/.test(name));
    expect(odd).toEqual([]);
    expect(files()).toEqual(expect.arrayContaining(["bin/muxguard", "README.md", "CHANGELOG.md", "LICENSE"]));
  });

  it("starts nothing when it is installed", () => {
    const { scripts } = JSON.parse(readFileSync(join(installed, "package/package.json"), "utf8"));
    expect(Object.keys(scripts).filter((name) => /^(?:pre|post)?install$/.test(name))).toEqual([]);
  });

  it("guards a command", async () => {
    await lab.startAgent("upstream.sock", lab.key("work"));
    const words = [program("muxguard"), "run", "--", "ssh-add", "-L"];
    const { status, stdout, stderr } = spawnSync(process.execPath, words, {
      cwd: installed,
      env: lab.environment,
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^ssh-/);
  });

  it("has all that each command loads", () => {
    const env = { ...lab.environment, NO_COLOR: "1" };
    for (const words of [["--version"], ["grants"], ["suggest", "--json"], ["policy", "check"], ["log"]]) {
      const { stderr } = spawnSync(process.execPath, [program("muxguard"), ...words], {
        env,
        encoding: "utf8",
      });
      expect({ words, stderr }).toEqual({ words, stderr: "" });
    }
  });

  it("has what it asks with: the prompts of inquirer, in a bundle of their own", () => {
    const text = `import(${JSON.stringify(join(installed, "package/dist/inquirer.mjs"))})
      .then(({ default: inquirer }) => console.log(typeof inquirer.prompt))`;
    expect(execFileSync(process.execPath, ["-e", text], { encoding: "utf8" })).toBe("function\n");
  });

  it("has its manual page where man looks for it, also where a folder is installed, which npm links", () => {
    const prefix = lab.path("prefix");
    const words = ["install", "-g", "--silent", "--offline", "--ignore-scripts", "--omit=dev"];
    execFileSync("npm", [...words, "--prefix", prefix, join(installed, "package")]);
    expect(realpathSync(join(prefix, "share/man/man1/muxguard.1"))).toBe(
      join(installed, "package/dist/muxguard.1"),
    );
  });
});
