import { h } from "./markup.js";

/** The machine that a target names: a name, or the ARN of a machine, a version or an alias. */
export const machineOf = (target) => (target.startsWith("arn:") ? target.split(":")[6] ?? target : target);

export function machineLink(machine, words = machine) {
  return h("a", { href: `/console/machines/${encodeURIComponent(machine)}` }, words);
}
