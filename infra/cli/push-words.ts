/** Why a push did not happen, in words, and whose turn it is. */
import { parsePointer } from "../../routing/authoring.ts";
import { CommandFailure } from "./command-failure.ts";
import type { Pushed } from "./push-snapshot.ts";
import type { Place } from "./store-options.ts";
import { storeFailure } from "./store-words.ts";

/** The failure of a push or a rollback. */
export function pushFailure(place: Place, pushed: Extract<Pushed, { readonly ok: false }>): CommandFailure {
  switch (pushed.failed) {
    case "overtaken": {
      const found = pushed.found === undefined ? undefined : parsePointer(pushed.found);
      const who = found?.ok
        ? `${found.value.author} put version ${found.value.version} in force`
        : "the pointer changed";
      return new CommandFailure(2, {
        what: "Nothing was pushed: somebody else pushed meanwhile.",
        why: `${who} after you looked`,
        todo: "look at what would change now, then push again",
        command: "npx galley config diff",
      });
    }
    case "busy":
      return new CommandFailure(2, {
        what: "Nothing was pushed: another push is at work.",
        why: "two pushes at once would let one of them get lost",
        todo: "see what it brought, then push again; a push that died gives way after a minute",
        command: "npx galley config log",
      });
    case "claim":
    case "document":
      return storeFailure(place, {
        what: "Nothing was pushed: the version could not be written.",
        reason: pushed.reason,
      });
    case "log":
      return storeFailure(place, {
        what: "Nothing was pushed: the history could not be written.",
        reason: pushed.reason,
      });
    case "pointer":
      return storeFailure(place, {
        what: "The version was written, but the pointer to it was not: the former version goes on serving.",
        reason: pushed.reason,
      });
  }
}
