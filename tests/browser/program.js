// Where the program is: FLASHGATE names it (default target/release/flashgate).

import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export const PROGRAM = path.resolve(ROOT, process.env.FLASHGATE ?? "target/release/flashgate");
