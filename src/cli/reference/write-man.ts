/** For the build: the manual page on stdout. */
import { commands } from "../commands.ts";
import { manPage } from "./man.ts";
import { commandTree } from "./tree.ts";

process.stdout.write(manPage(commandTree(commands)));
