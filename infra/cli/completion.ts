/** `galley completion <shell>`: the script that completes commands and options in a shell; the shell then asks `galley complete`. */
import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";

const EXAMPLES = `
Examples:
  source <(galley completion bash)      in ~/.bashrc
  source <(galley completion zsh)       in ~/.zshrc, after compinit

\`galley\` has to be a command there: put node_modules/.bin of this folder into PATH.`;

/** Adds the command over all that `program` has by now. */
export function addCompletion(program: Command): void {
  tab(program, { completionCommandName: "completion" });
  program.commands.find((command) => command.name() === "completion")?.addHelpText("after", EXAMPLES);
}
