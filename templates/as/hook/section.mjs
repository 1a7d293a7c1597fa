// Puts plugin.json into the module, where the host reads it before it runs any of it.
import { readFileSync } from "node:fs";
import { Transform } from "assemblyscript/transform";

export default class extends Transform {
  afterCompile(module) {
    const metadata = JSON.parse(readFileSync("plugin.json", "utf8"));
    module.addCustomSection("berth.plugin.v1", new TextEncoder().encode(JSON.stringify(metadata)));
  }
}
