// Every model of one of Alibaba Cloud's Node SDKs, as JSON: node node_models.js PACKAGE.
// By model: {name on the wire: [name in the SDK, type]}; see vendor_types.py for types.
"use strict";
const sdk = require(process.argv[2]);
const found = {};

function typeOf(type) {
  if (typeof type === "string") return type;
  if (typeof type === "function") return model(type);
  if (type.type === "array") return [typeOf(type.itemType)];
  if (type.type === "map") return { map: typeOf(type.valueType) };
  return "any";
}

function model(type) {
  if (!(type.name in found)) {
    const fields = (found[type.name] = {});
    const names = type.names();
    for (const [own, one] of Object.entries(type.types())) fields[names[own]] = [own, typeOf(one)];
  }
  return type.name;
}

for (const one of Object.values(sdk)) if (typeof one === "function" && one.types && one.names) model(one);
console.log(JSON.stringify(found));
