/** What a process has logged in to, and whether it is still the program that did. */
import { expect, it } from "vitest";
import { Logins } from "../../src/identity/logins.ts";

const prod = { hostKey: Buffer.from("prod"), user: "root" };
const ssh = { pid: 7, startTime: "100" };
const child = { pid: 8, startTime: "101" };

function logins(): { logins: Logins; images: Map<number, string> } {
  const images = new Map([
    [7, "ssh at 1"],
    [8, "ssh at 1"],
  ]);
  return { images, logins: new Logins(({ pid }) => images.get(pid)) };
}

it("counts for the image that made it, and for a child of that", () => {
  const { logins: known } = logins();
  known.add(ssh, prod);
  const began = { startTime: ssh.startTime };
  expect(known.of(ssh)).toEqual({ ...prod, ...began });
  expect(known.ofParent(7, child)).toEqual({ ...prod, ...began });
});

it("counts no more once the process has become another ssh: it would lead elsewhere as prod", () => {
  const { logins: known, images } = logins();
  known.add(ssh, prod);
  images.set(7, "ssh at 2");
  images.set(8, "ssh at 2");
  expect(known.of(ssh)).toBeUndefined();
  expect(known.ofParent(7, child)).toBeUndefined();
});

it("does not count for what is not ssh, nor for another process of the same number", () => {
  const { logins: known, images } = logins();
  images.delete(7);
  known.add(ssh, prod);
  images.set(7, "ssh at 1");
  expect(known.of(ssh)).toBeUndefined();
  known.add(ssh, prod);
  expect(known.of({ ...ssh, startTime: "200" })).toBeUndefined();
  expect(known.ofParent(7, { pid: 8, startTime: "99" })).toBeUndefined();
});

it("is known of the guard's own ssh after that has ended", () => {
  const { logins: known, images } = logins();
  known.add(ssh, prod);
  images.clear();
  expect(known.of(ssh)).toBeUndefined();
  expect(known.ofOwn(ssh)).toMatchObject(prod);
});
