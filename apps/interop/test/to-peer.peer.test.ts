import { fileBackend } from "./support/backends.js";
import { describeToPeer } from "./support/to-peer.js";

describeToPeer(fileBackend);
