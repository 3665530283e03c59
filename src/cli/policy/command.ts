/** `muxguard policy` and what belongs to it. Each is a file of its own, loaded when it is used. */
import type { Command } from "commander";
import type { AddOptions } from "./add.ts";
import type { CasesOptions } from "./cases.ts";
import type { ExplainOptions } from "./explain.ts";
import { addFlags, factFlags, ruleFlags } from "./flags.ts";
import type { ListOptions } from "./list.ts";

export function policyCommand(command: Command): Command {
  command.description("look at the policy, try it out, and change it");
  // made by it, they end and say their mistakes as it does
  for (const [name, describe] of Object.entries(inner)) describe(command.command(name));
  return command;
}

const exits = (text: string): string =>
  `\nExit codes: ${text}; 64 wrong usage, 78 a mistake in the settings.\n`;

function describeCheck(command: Command): Command {
  return command
    .description("all mistakes of the settings, what can never match, and what is asked about in doubt")
    .argument("[files...]", "a policy of its own; default: your own settings")
    .option("--json", "one JSON object a line")
    .addHelpText("after", exits("0 all is well, 1 warnings"))
    .action(async (files: string[], options: { json?: boolean }) => {
      process.exitCode = await (await import("./check.ts")).policyCheck(files, options);
    });
}

function describeExplain(command: Command): Command {
  command
    .description("why a request would be allowed, denied or asked about: what came of each rule")
    .argument("[id]", "an entry of the log; its beginning is enough")
    .option("--policy <file>", "the policy of this file instead of your own")
    .option("--json", "one JSON object")
    .option("--kind <kind>", "the same as --on");
  const example =
    "\nmuxguard policy explain --host github.com --user git --program ssh --program git\n" +
    "What is not said is not known: nobody can say then whether a rule matches that names it.\n";
  return addFlags(command, factFlags)
    .addHelpText("after", example + exits("0 allowed or asked about, 1 denied (as sudo -l)"))
    .action(async (id: string | undefined, options: ExplainOptions) => {
      process.exitCode = await (await import("./explain.ts")).policyExplain(id, options);
    });
}

const cases = `
Cases are requests, in the fields of rules, and what is to become of them:
  [[case]]
  name    = "agents keep off prod"
  host    = ["prod", "10.0.0.7"]          # its names, proven unless verified = false
  user    = "root"
  command = "uptime"                      # on = "session" follows
  program = ["/usr/bin/ssh", "/usr/bin/git"]
  scope   = "claude"
  expect  = "deny"                        # allow | deny | ask
  by      = "no prod"                     # the rule that is to decide, if that matters
`;

function describeTest(command: Command): Command {
  return command
    .description("try the policy on cases: those of policy.test.toml beside policy.toml, or of these files")
    .argument("[files...]", "files of cases")
    .option("--policy <file>", "the policy of this file, with the cases of FILE.test.toml beside it")
    .option("--json", "one JSON object a line")
    .addHelpText("after", cases + exits("0 all cases hold, 1 one does not, or there is none"))
    .action(async (files: string[], options: CasesOptions) => {
      process.exitCode = await (await import("./cases.ts")).policyTest(files, options);
    });
}

function describeList(command: Command): Command {
  return command
    .description("the rules in their order, with file and line, and those of approved.toml")
    .option("--policy <file>", "those of this file")
    .option("--json", "one JSON object a line")
    .addHelpText("after", exits("0"))
    .action(async (options: ListOptions) => (await import("./list.ts")).policyList(options));
}

function describeAdd(command: Command): Command {
  command
    .description("append a rule to policy.toml; it is shown, and what is there stays as it is")
    .requiredOption("--name <name>", "the rule's name")
    .requiredOption("--action <action>", "allow, deny or ask");
  return addFlags(command, ruleFlags)
    .option("--approved", "to approved.toml: it answers what is asked, and overrules nothing")
    .option("-y, --yes", "write it without asking")
    .option("-n, --dry-run", "only show it")
    .addHelpText("after", exits("0 written, 1 not written"))
    .action(async (options: AddOptions) => {
      process.exitCode = await (await import("./add.ts")).policyAdd(options);
    });
}

function describeEdit(command: Command): Command {
  return command
    .description("edit a copy with $VISUAL or $EDITOR; it is checked, and put in place if it has no mistake")
    .argument("[file]", "policy.toml, policy.d/NAME.toml, approved.toml or config.toml", "policy.toml")
    .addHelpText("after", exits("0 in place or unchanged, 1 discarded"))
    .action(async (file: string) => {
      process.exitCode = await (await import("./edit.ts")).policyEdit(file);
    });
}

function describeRemove(command: Command): Command {
  return command
    .description("take a rule away; the rest of its file stays byte for byte")
    .argument("<name>", "the rule's name, or FILE:LINE as list has it")
    .addHelpText("after", exits("0 removed, 1 there is none, or several"))
    .action(async (name: string) => (await import("./remove.ts")).policyRemove(name));
}

const inner: Readonly<Record<string, (command: Command) => Command>> = {
  check: describeCheck,
  explain: describeExplain,
  test: describeTest,
  list: describeList,
  add: describeAdd,
  edit: describeEdit,
  remove: describeRemove,
};
