// What starts machines by itself: the schedules and triggers whose target they are.

import { request } from "./live.js";
import { machineOf } from "./machine-link.js";
import { scheduleStanding } from "./schedules-page.js";
import { triggerStanding } from "./triggers-page.js";

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Map<string, {kind: string, name: string, href: string, standing: string, words: string}[]>>} by machine
 */
export async function machineStarters(signal) {
  const [{ Schedules: schedules }, { Triggers: triggers }] = await Promise.all([
    request("/console/api/schedules", { signal }), request("/console/api/triggers", { signal })]);
  const starters = new Map();
  const add = (target, starter) => {
    const machine = machineOf(target);
    if (starters.has(machine)) starters.get(machine).push(starter);
    else starters.set(machine, [starter]);
  };
  for (const schedule of schedules) {
    add(schedule.Target, {
      kind: "schedule", name: schedule.Name, href: `/console/schedules/${encodeURIComponent(schedule.Name)}`,
      standing: scheduleStanding(schedule), words: `${schedule.ScheduleExpression} ${schedule.ScheduleExpressionTimezone}`,
    });
  }
  for (const trigger of triggers) {
    add(trigger.Target, {
      kind: "trigger", name: trigger.Name, href: `/console/triggers/${encodeURIComponent(trigger.Name)}`,
      standing: triggerStanding(trigger), words: [trigger.Source.Kind, trigger.Source.Bucket ?? trigger.Source.Path].filter(Boolean).join(" "),
    });
  }
  return starters;
}
