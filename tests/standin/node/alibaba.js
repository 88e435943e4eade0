// A story for each product by the vendor's own SDK: what is there, a change, and what is there now.
//   node alibaba.js ENDPOINT KEYS ZIP   (KEYS as JSON; prints one JSON document)
// The SDKs take `httpProxy` and never use it, so this process finds the vendor's names on its own machine.
"use strict";
const dns = require("node:dns");
const tair = require("@alicloud/r-kvstore20150101");
const fc = require("@alicloud/fc20230330");
const kms = require("@alicloud/kms20160120");
const MNS = require("@alicloud/mns");
const { $OpenApiUtil } = require("@alicloud/openapi-core");
const { Config: RpcConfig } = require("@alicloud/rpc-client");
const [endpoint, keys, zip] = [process.argv[2], JSON.parse(process.argv[3]), process.argv[4]];
const port = endpoint.split(":")[1];
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => lookup(host.endsWith(".aliyuncs.com") ? "127.0.0.1" : host, ...rest);
const named = { accessKeyId: keys.id, accessKeySecret: keys.key, securityToken: keys.token };

function config(host) {
  return new $OpenApiUtil.Config({ ...named, endpoint: `${host}:${port}`, protocol: "HTTP" });
}

const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

async function until(ask) {
  for (let tries = 0; tries < 100; tries++) {
    const found = await ask();
    if (found) return found;
    await sleep(0.05);
  }
  throw new Error("it does not come about");
}

async function kvstore() {
  const api = new tair.default(config("r-kvstore.aliyuncs.com"));
  const instanceId = "r-demo0001";
  const status = async () => {
    const { body } = await api.describeAccounts(new tair.DescribeAccountsRequest({ instanceId, accountName: "app" }));
    return body.accounts.account[0].accountStatus;
  };
  const before = await status();
  const [oldAccountPassword, newAccountPassword] = ["Tair-Passw0rd", "Node-Passw0rd1"];
  const order = { instanceId, accountName: "app", oldAccountPassword, newAccountPassword };
  const { body } = await api.modifyAccountPassword(new tair.ModifyAccountPasswordRequest(order));
  await until(async () => (await status()) === "Available");
  const again = await api.modifyAccountPassword(new tair.ModifyAccountPasswordRequest(order)).catch((error) => error);
  return [before, typeof body.requestId, /Old(Account)?Password/.test(again.code)];
}

async function functions() {
  const api = new fc.default(config("fcv3.cn-hangzhou.aliyuncs.com"));
  const code = new fc.InputCodeLocation({ zipFile: zip });
  const role = "acs:ram::1000000000000001:role/hello";
  const made = { functionName: "node", handler: "hello.main_handler", runtime: "python3.10", role, code, timeout: 5 };
  await api.createFunction(new fc.CreateFunctionRequest({ body: new fc.CreateFunctionInput(made) }));
  await until(async () => (await api.getFunction("node", new fc.GetFunctionRequest({}))).body.state === "Active");
  const cron = { cronExpression: "0 0 2 * * *", enable: false, payload: "" };
  const trigger = { triggerName: "nightly", triggerType: "timer", triggerConfig: JSON.stringify(cron) };
  await api.createTrigger("node", new fc.CreateTriggerRequest({ body: new fc.CreateTriggerInput(trigger) }));
  const list = async () => (await api.listFunctions(new fc.ListFunctionsRequest({}))).body.functions;
  const there = await list();
  const { triggers } = (await api.listTriggers("node", new fc.ListTriggersRequest({}))).body;
  await api.deleteTrigger("node", "nightly");
  await api.deleteFunction("node");
  return [there, triggers, await list()].map((found) => found.map((one) => one.triggerName || one.functionName));
}

async function secrets() {
  const place = { regionId: "cn-hangzhou", endpoint: `kms.cn-hangzhou.aliyuncs.com:${port}` };
  const api = new kms.default(new RpcConfig({ ...named, ...place, protocol: "http" }));
  const secretName = "tair-r-demo0001-app";
  const value = async () => (await api.getSecretValue(new kms.GetSecretValueRequest({ secretName }))).secretData;
  const before = await value();
  const put = { secretName, versionId: "v2", secretData: "Node-Passw0rd1", versionStages: '["ACSCurrent"]' };
  await api.putSecretValue(new kms.PutSecretValueRequest(put));
  const listed = await api.listSecretVersionIds(new kms.ListSecretVersionIdsRequest({ secretName }));
  return [before, await value(), listed.versionIds.versionId.map((one) => one.versionId).sort()];
}

async function queue() {
  const [account, name] = ["1000000000000001", "keyturn-results"];
  const place = `http://${account}.mns.cn-hangzhou.aliyuncs.com:${port}`;
  const api = new MNS(account, { ...named, endpoint: place });
  await api.sendMessage(name, { MessageBody: "aGVsbG8=" });
  const { body } = await api.receiveMessage(name);
  await api.deleteMessage(name, body.ReceiptHandle);
  const empty = await api.receiveMessage(name).catch((error) => error.name);
  return [body.MessageBody, empty];
}

(async () => {
  const told = { kvstore: await kvstore(), fc: await functions(), kms: await secrets(), mns: await queue() };
  console.log(JSON.stringify(told));
})();
