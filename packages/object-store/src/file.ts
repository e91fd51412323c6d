export { FileObjectStore } from "./file/file-object-store.js";
