import { tests } from "../../tooling/vitest/library.mjs";

export default tests();
