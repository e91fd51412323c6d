// The one place that says which package may import which. The test of the arrows (tooling/test/arrows.test.ts) and the
// linter read it; docs/architecture.md draws it.

/**
 * Folder -> what its sources may import, from the bottom up: a package may also use, in its tests, whatever stands above
 * it in this list. `types:x` allows type imports of x only.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const ARROWS = {
  "packages/core": [],
  "packages/ltx": ["core"],
  "packages/object-store": ["core"],
  "packages/page-cache": ["core"],
  "packages/replica": ["core", "ltx", "types:object-store"],
  "packages/write-buffer": ["core", "ltx", "replica"],
  "packages/hydrator": ["core", "ltx", "replica"],
  "packages/engine": ["core", "ltx", "object-store", "page-cache", "replica", "write-buffer", "hydrator"],
  "packages/vfs": ["core", "ltx", "object-store", "page-cache", "replica", "write-buffer", "hydrator", "engine"],
  "packages/headwater": ["core", "ltx", "object-store", "page-cache", "replica", "write-buffer", "hydrator", "engine", "vfs"],
  "apps/example": ["headwater"],
  // Chaos attacks what users have. Chance from a seed comes from core, what a replica holds is looked at past the
  // facade, and vfs has the plain SQLite that it is compared with.
  "apps/chaos": ["headwater", "core", "object-store", "vfs"],
  // It makes replicas that Headwater can't write in the time there is (a snapshot of 100 GB), and reads them back as plain files.
  "apps/bench": ["headwater", "core", "ltx"],
  "apps/interop": [],
};

/** Folders of ARROWS that need not be there yet. */
export const PLANNED = ["apps/example", "apps/chaos", "apps/bench"];

/** Packages that run whole in a simulation: no Node, no clock, no chance but what is handed to them. */
export const PORTABLE = ["core", "ltx", "object-store", "page-cache", "replica", "write-buffer", "hydrator", "engine"];

/** The only sources in those packages that may touch the machine (globs). */
export const MACHINE = [
  "packages/core/src/node.ts",
  "packages/core/src/node/**",
  "packages/core/src/testing/**",
  "packages/object-store/src/s3.ts",
  "packages/object-store/src/s3/**",
  "packages/object-store/src/file.ts",
  "packages/object-store/src/file/**",
];

/** The npm name of a folder's package. */
export function packageName(folder) {
  const short = folder.replace(/^.*\//, "");
  return short === "headwater" ? short : `@headwater/${short}`;
}
