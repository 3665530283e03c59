import { expect, it } from "vitest";
import { expandGlob } from "../../../src/identity/ssh-config/glob.ts";

const folders = {
  list: (folder: string) =>
    ({ "/c": ["b.conf", "a.conf", ".x.conf", "d", "B.conf"], "/c/d": ["e"], "/e": ["a*", "ab"] })[folder],
  exists: (path: string) => path !== "/c/d/none",
};

it.each([
  ["/c/*.conf", ["/c/B.conf", "/c/a.conf", "/c/b.conf"]],
  ["/c/[ab].conf", ["/c/a.conf", "/c/b.conf"]],
  ["/c/[!a-z].conf", ["/c/B.conf"]],
  ["/c/?.conf", ["/c/B.conf", "/c/a.conf", "/c/b.conf"]],
  ["/c/.*", ["/c/.x.conf"]],
  ["/c/*/e", ["/c/B.conf/e", "/c/a.conf/e", "/c/b.conf/e", "/c/d/e"]],
  ["/c/d/none", []],
  ["/nowhere/*", []],
  ["/e/a\\*", ["/e/a*"]],
])("%s names %j", (pattern, paths) => {
  expect(expandGlob(pattern, folders)).toEqual(paths);
});
