/**
 * CPU time and memory of a process and its children, read from /proc (Linux). CPU seconds do not care how busy the machine is
 * otherwise, which wall time does.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** Clock ticks a second of /proc/<pid>/stat; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system CPU time that a process has used so far, seconds. */
export function cpuSeconds(pid: number): number {
  const fields = statFields(pid);
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Memory of a process, bytes: in use now, and the most since it began or since `forgetPeak`. */
export function residentBytes(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = (name: string) => Number(status.match(new RegExp(`^${name}:\\s+(\\d+) kB`, "m"))?.[1]);
  return { now: kibibytes("VmRSS") * 1024, peak: kibibytes("VmHWM") * 1024 };
}

/** Lets the peak begin anew at what is in use now (proc(5), clear_refs). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Child processes whose command name contains `name`. */
export function childrenNamed(parentPid: number, name: string): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && isChild(pid, parentPid, name));
}

function isChild(pid: number, parentPid: number, name: string): boolean {
  try {
    return Number(statFields(pid)[1]) === parentPid && readFileSync(`/proc/${pid}/comm`, "utf8").includes(name);
  } catch {
    return false;
  }
}

/** Fields of /proc/<pid>/stat from the third (state) on; the second may hold spaces and stands in parentheses. */
function statFields(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
