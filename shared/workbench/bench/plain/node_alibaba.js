// One change by the vendor's Node SDK, from its own page: node node_alibaba.js FILE (a command, as JSON).
"use strict";
const { readFileSync } = require("node:fs");
const { default: Client, ModifyAccountPasswordRequest } = require("@alicloud/r-kvstore20150101");
const { $OpenApiUtil } = require("@alicloud/openapi-core");

const command = JSON.parse(readFileSync(process.argv[2], "utf8"));
const client = new Client(
  new $OpenApiUtil.Config({
    accessKeyId: process.env.ALIBABA_CLOUD_ACCESS_KEY_ID,
    accessKeySecret: process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
    securityToken: process.env.ALIBABA_CLOUD_SECURITY_TOKEN,
    endpoint: process.env.PLAIN_ENDPOINT,
    protocol: "HTTP",
  }),
);
const request = new ModifyAccountPasswordRequest({
  instanceId: command.InstanceId,
  accountName: command.AccountName,
  oldAccountPassword: command.OldAccountPassword,
  newAccountPassword: command.NewAccountPassword,
});
client.modifyAccountPassword(request).then(
  (answer) => console.log(JSON.stringify({ RequestId: answer.body.requestId })),
  (error) => {
    console.error(error.code);
    process.exitCode = 1;
  },
);
