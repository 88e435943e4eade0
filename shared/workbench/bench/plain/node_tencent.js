// One change by the vendor's Node SDK, from its own page: node node_tencent.js FILE (a command, as JSON).
"use strict";
const { readFileSync } = require("node:fs");
const tencentcloud = require("tencentcloud-sdk-nodejs");

const { Region, ...parameters } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const client = new tencentcloud.redis.v20180412.Client({
  credential: {
    secretId: process.env.TENCENTCLOUD_SECRETID,
    secretKey: process.env.TENCENTCLOUD_SECRETKEY,
    token: process.env.TENCENTCLOUD_SESSIONTOKEN,
  },
  region: Region,
  profile: { httpProfile: { protocol: "http://", endpoint: process.env.PLAIN_ENDPOINT } },
});
client.ModifyInstanceAccount(parameters).then(
  (answer) => console.log(JSON.stringify({ TaskId: answer.TaskId })),
  (error) => {
    console.error(error.code);
    process.exitCode = 1;
  },
);
