/**
 * Programs as packs: files of chunks, each chunk a function of a plain script.
 *
 * esbuild splits a program at each import(), and what several parts need becomes a chunk of its own, so no
 * module is there twice. Hundreds of files would be slow to read: the chunks that one kind of start needs are
 * put into one. src/start.ts reads a pack when it first needs a chunk of it.
 */
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { build } from "esbuild";

/**
 * @param shared options of esbuild
 * @param source the program's first module
 * @param packs the modules, besides the first one, whose chunks come into each pack; the last pack has the rest
 * @param aside modules that most never load: what they alone need is a pack behind the last, where there are any
 * @returns the text of each pack
 */
export async function packProgram(shared, source, packs, aside = []) {
  const { outputFiles, metafile } = await build({
    ...shared,
    entryPoints: { main: source },
    format: "esm",
    splitting: true,
    metafile: true,
    write: false,
    define: { "import.meta.dirname": "__dirname" },
  });
  const chunks = new Map(
    Object.entries(metafile.outputs).map(([path, { entryPoint, imports }]) => [
      basename(path),
      { entryPoint, imports: imports.filter(({ external }) => !external), text: textOf(path) },
    ]),
  );
  function textOf(path) {
    return outputFiles.find((file) => file.path === join(shared.absWorkingDir, path)).text;
  }
  const places = placesOf(chunks, [[source, ...(packs[0] ?? [])], ...packs.slice(1)], aside);
  const texts = [];
  for (const [name, { pack }] of places) {
    texts[pack] ??= [];
    texts[pack].push(`// ${name}\nfunction () {\n${asFunctionBody(name, chunks.get(name).text, places)}}`);
  }
  return texts.map(packText);
}

/** Where each chunk is: which pack, and which of its functions. The program's first chunk is the first of all. */
function placesOf(chunks, packs, aside) {
  const places = new Map();
  const counts = [];
  const take = (name, pack) => {
    if (places.has(name)) return;
    counts[pack] ??= 0;
    places.set(name, { pack, at: counts[pack]++ });
    for (const { path, kind } of chunks.get(name).imports)
      if (kind === "import-statement") take(basename(path), pack);
  };
  for (const [pack, modules] of packs.entries())
    for (const module of modules) take(chunkOf(chunks, module), pack);
  const apart = aside.map((module) => chunkOf(chunks, module));
  for (const name of neededWithout(chunks, chunkOf(chunks, packs[0][0]), apart)) take(name, packs.length - 1);
  for (const name of chunks.keys()) take(name, packs.length);
  return places;
}

function chunkOf(chunks, module) {
  const [name] = [...chunks].find(([, { entryPoint }]) => entryPoint === module) ?? [];
  if (name === undefined) throw new Error(`no import() leads to ${module}`);
  return name;
}

/** What is needed, now or by an import() later, from this chunk on, but not by way of those. */
function neededWithout(chunks, first, apart) {
  const needed = new Set();
  const visit = (name) => {
    if (needed.has(name) || apart.includes(name)) return;
    needed.add(name);
    for (const { path } of chunks.get(name).imports) visit(basename(path));
  };
  visit(first);
  return needed;
}

/**
 * Chunks import each other in one direction only, and none exports what changes later. So values can be handed
 * over when a chunk is run, and a use of one costs no more than it would within the chunk.
 */
function asFunctionBody(name, text, places) {
  const placeOf = (path) => {
    const { pack, at } = places.get(basename(path));
    return `${pack}, ${at}`;
  };
  const load = (path) => (path.startsWith("./") ? `chunk(${placeOf(path)})` : `require("${path}")`);
  const renamed = (list) => list.replaceAll(/([$\w]+) as ([$\w]+)/g, "$1: $2");
  const exported = (list) => list.replaceAll(/([$\w]+) as ([$\w]+)/g, "$2: $1");
  const body = text
    .replaceAll(
      /^import (\{[^}]*\}|[$\w]+) from "([^"]+)";$/gm,
      (_, names, path) => `var ${renamed(names)} = ${load(path)};`,
    )
    .replaceAll(/^import \* as ([$\w]+) from "([^"]+)";$/gm, (_, one, path) => `var ${one} = ${load(path)};`)
    .replaceAll(/^import "([^"]+)";$/gm, (_, path) => `${load(path)};`)
    // of a CommonJS package, whose exports import() gives as well
    .replaceAll(/^export default (.*);$/gm, "var module = $1;\nreturn { ...module, default: module };")
    .replaceAll(/^export (\{[^}]*\});$/gm, (_, names) => `return ${exported(names)};`)
    .replaceAll(/\bimport\("(\.\/[^"]+\.js)"\)/g, (_, path) => `Promise.resolve().then(() => ${load(path)})`)
    // what is left of import() is of the external packages
    .replaceAll('import("', 'importPackage("');
  const left = /^(?:import|export)\b(?! ?\().*/m.exec(body);
  if (left) throw new Error(`${name}: not understood: ${left[0]}`);
  return body;
}

/** The first line tells which code cache is this pack's. */
function packText(functions) {
  const body = `(function (require, importPackage, chunk, __dirname) { return [\n${functions.join(",\n")}\n]; })`;
  return `//${createHash("sha256").update(body).digest("hex")}\n${body}`;
}
