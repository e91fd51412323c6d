export { resultName } from "./sqlite/result-names.js";
export { type Dump, dumpOf } from "./testing/dump.js";
export { openPlain, type Plain } from "./testing/plain.js";
export { RandomSql } from "./testing/random-sql.js";
