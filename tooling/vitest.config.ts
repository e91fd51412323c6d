import { tests } from "./vitest/library.mjs";

export default tests();
