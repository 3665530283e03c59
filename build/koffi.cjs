/**
 * What the programs have in the place of koffi: its binary, which they load themselves. koffi's own way there
 * reads eight files, one of them Node's executable, and takes four times as long as the rest of it. It is
 * taken wherever this one does not lead there.
 */
const { existsSync } = require("node:fs");

/** Undefined where there may be another one to choose: beside musl, and on processors of several kinds. */
function binary() {
  const { platform, arch } = process;
  const isPlain = platform === "linux" && (arch === "x64" || arch === "arm64");
  if (!isPlain || existsSync(`/lib/ld-musl-${arch === "x64" ? "x86_64" : "aarch64"}.so.1`)) return undefined;
  try {
    return require(`@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`);
  } catch {
    return undefined;
  }
}

module.exports = binary() ?? require("koffi");
