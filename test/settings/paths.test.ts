/** Where the user's files are: three environment variables, or the home folder. */
import { homedir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { userFolders } from "../../src/settings/paths.ts";

const environment = (variables: Record<string, string>): void => {
  for (const name of ["XDG_CONFIG_HOME", "XDG_STATE_HOME"]) vi.stubEnv(name, variables[name]);
};
afterEach(() => vi.unstubAllEnvs());

test("settings and log are in the folders that the environment names", () => {
  environment({ XDG_CONFIG_HOME: "/c", XDG_STATE_HOME: "/s" });
  expect(userFolders()).toEqual({ config: "/c/muxguard", state: "/s/muxguard" });
});

test.each([{}, { XDG_CONFIG_HOME: "", XDG_STATE_HOME: "" }])(
  "and else in the home folder: %j",
  (variables) => {
    environment(variables);
    expect(userFolders()).toEqual({
      config: join(homedir(), ".config/muxguard"),
      state: join(homedir(), ".local/state/muxguard"),
    });
  },
);

test.each(["XDG_CONFIG_HOME", "XDG_STATE_HOME"])(
  "a relative %s would be another folder for each command",
  (name) => {
    environment({ [name]: "relative" });
    expect(userFolders).toThrow("an XDG folder must be an absolute path: relative");
  },
);

test("without a home folder there is nowhere to look", () => {
  environment({});
  vi.stubEnv("HOME", "");
  expect(userFolders).toThrow("no home folder; set HOME");
});
