/** The documents that users read, and their blocks: what is indented or fenced. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { lexer, type Token } from "marked";

const root = join(import.meta.dirname, "../..");

/** Paths of Markdown files, from the project's folder. */
export const documents: readonly string[] = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

export function textOf(document: string): string {
  return readFileSync(join(root, document), "utf8");
}

/** A file of the project. */
export function inProject(path: string): string {
  return join(root, path);
}

/** Those in lists and quotations too. */
export function tokensOf(tokens: readonly Token[]): Token[] {
  return tokens.flatMap((token) => {
    if (token.type === "list") return tokensOf(token.items);
    return token.type === "list_item" || token.type === "blockquote" ? tokensOf(token.tokens ?? []) : [token];
  });
}

export interface Block {
  document: string;
  text: string;
}

export const blocks: readonly Block[] = documents.flatMap((document) =>
  tokensOf(lexer(textOf(document))).flatMap((token) =>
    token.type === "code" ? [{ document, text: String(token.text) }] : [],
  ),
);

/** The block that holds these words. @throws Error if there is none, or more than one */
export function blockWith(words: string, among = blocks): string {
  const [block, ...others] = among.filter(({ text }) => text.includes(words));
  if (!block || others.length > 0)
    throw new Error(
      `${block ? "several blocks" : "no block"} of the documents with ${JSON.stringify(words)}`,
    );
  return block.text;
}

/** What stands in backquotes in a text. */
export function codeSpans(document: string): string[] {
  const spans: string[] = [];
  for (const [, text = ""] of withoutBlocks(textOf(document)).matchAll(/`([^`]+)`/g))
    spans.push(text.replace(/\s+/g, " "));
  return spans;
}

function withoutBlocks(markdown: string): string {
  return markdown.replace(/^ {4}.*$/gm, "");
}
