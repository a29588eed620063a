/**
 * `npm run lock`: writes the lock file's entries for platform packages that npm leaves out.
 *
 * A registry that does not hold a package for another platform makes npm drop its optional entry from the lock file without a word, and
 * `npm ci` then refuses the file. The entry needs no address: version, operating system and processor follow from name and range.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage & Readonly<Record<string, unknown>>>>;
}

interface MissingEntry {
  readonly name: string;
  readonly version: string;
  readonly dev: boolean;
}

/** Optional dependencies that no entry of the lock file satisfies. */
export function missingPlatforms({ packages }: LockFile): readonly MissingEntry[] {
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {}, dev = false }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !foldersAbove(path).some((folder) => `${folder}node_modules/${name}` in packages))
      .map(([name, version]) => ({ name, version, dev })),
  );
}

/** The lock file with an entry for each that was missing, in npm's own order. Throws on a range that is no exact version. */
export function completeLock(lock: LockFile): LockFile {
  const added = missingPlatforms(lock).map(({ name, version, dev }) => {
    if (!/^\d/.test(version)) throw new Error(`${name}@${version} is not an exact version; add it by hand`);
    const entry = {
      version,
      cpu: [cpuOf(name)],
      ...(dev ? { dev } : {}),
      ...libcOf(name),
      optional: true,
      os: [osOf(name)],
    };
    return [`node_modules/${name}`, entry] as const;
  });
  const all = [...Object.entries(lock.packages), ...added].sort(([one], [other]) => (one < other ? -1 : 1));
  return { ...lock, packages: Object.fromEntries(all) };
}

/** Where Node looks for a package from `path`: its own folder, then each one above. */
function foldersAbove(path: string): readonly string[] {
  const parts = path.split("node_modules/");
  return parts.map((_, depth) => {
    const folder = parts.slice(0, parts.length - depth).join("node_modules/");
    return folder === "" || folder.endsWith("/") ? folder : `${folder}/`;
  });
}

function osOf(name: string): string {
  if (/win32|windows/.test(name)) return "win32";
  return ["darwin", "android", "freebsd"].find((os) => name.includes(os)) ?? "linux";
}

function cpuOf(name: string): string {
  if (/arm-|gnueabihf/.test(name)) return "arm";
  return ["arm64", "riscv64", "ppc64", "s390x", "ia32"].find((cpu) => name.includes(cpu)) ?? "x64";
}

function libcOf(name: string): { libc?: readonly string[] } {
  if (osOf(name) !== "linux") return {};
  if (name.includes("musl")) return { libc: ["musl"] };
  return name.includes("gnu") ? { libc: ["glibc"] } : {};
}

if (import.meta.main) {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as LockFile;
  writeFileSync("package-lock.json", `${JSON.stringify(completeLock(lock), null, 2)}\n`);
}
