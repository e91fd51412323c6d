import { describeVfs } from "./describe-vfs.js";
import { MemoryDatabaseFile } from "./memory-database-file.js";

describeVfs({
  name: "a database in memory",
  create(pageSize) {
    const file = new MemoryDatabaseFile(pageSize);
    return { file, publishedBytes: () => file.publishedBytes() };
  },
});
