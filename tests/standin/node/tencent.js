// A story for each product by the vendor's own SDK: what is there, a change, and what is there now.
//   node tencent.js ENDPOINT KEYS ZIP   (KEYS as JSON; prints one JSON document)
"use strict";
const tencentcloud = require("tencentcloud-sdk-nodejs");
const [endpoint, keys, zip] = [process.argv[2], JSON.parse(process.argv[3]), process.argv[4]];

function client(product) {
  return new product.Client({
    credential: { secretId: keys.id, secretKey: keys.key, token: keys.token },
    region: "ap-guangzhou",
    profile: { httpProfile: { protocol: "http://", endpoint } },
  });
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

async function redis() {
  const api = client(tencentcloud.redis.v20180412);
  const accounts = async () =>
    (await api.DescribeInstanceAccount({ InstanceId: "crs-demo0001", Limit: 20, Offset: 0 })).Accounts;
  const remark = (found) => found.find((one) => one.AccountName === "app").Remark;
  const before = remark(await accounts());
  const order = { InstanceId: "crs-demo0001", AccountName: "app", AccountPassword: "Node-Passw0rd1", Remark: "node" };
  const { TaskId } = await api.ModifyInstanceAccount(order);
  const ended = await until(async () => {
    const { Status } = await api.DescribeTaskInfo({ TaskId });
    return ["succeed", "failed"].includes(Status) && Status;
  });
  return [before, ended, remark(await accounts())];
}

async function tcr() {
  const api = client(tencentcloud.tcr.v20190924);
  const RegistryId = "tcr-demo0001";
  const { Registries } = await api.DescribeInstances({ Registryids: [RegistryId] });
  const { ServiceAccounts } = await api.DescribeServiceAccounts({ RegistryId });
  const Password = "NodePass123";
  const answer = await api.ModifyServiceAccountPassword({ RegistryId, Name: "robot", Random: false, Password });
  return [Registries.map((one) => one.RegistryId), ServiceAccounts.map((one) => one.Name), answer.Password === Password];
}

async function ssm() {
  const api = client(tencentcloud.ssm.v20190923);
  const SecretName = "redis-crs-demo0001-app";
  await api.PutSecretValue({ SecretName, VersionId: "v2", SecretString: "Node-Passw0rd1" });
  const { Versions } = await api.ListSecretVersionIds({ SecretName });
  const { SecretString } = await api.GetSecretValue({ SecretName, VersionId: "v2" });
  await api.DeleteSecretVersion({ SecretName, VersionId: "v2" });
  const left = (await api.ListSecretVersionIds({ SecretName })).Versions;
  const ids = (versions) => versions.map((one) => one.VersionId).sort();
  return [ids(Versions), SecretString, ids(left)];
}

async function scf() {
  const api = client(tencentcloud.scf.v20180416);
  const FunctionName = "node";
  const code = { Handler: "hello.main_handler", Runtime: "Python3.10", Code: { ZipFile: zip } };
  await api.CreateFunction({ FunctionName, ...code, Timeout: 5, Role: "keyturn-hello" });
  await until(async () => (await api.GetFunction({ FunctionName })).Status === "Active");
  const net = { EnableIntranet: false, EnableExtranet: true };
  const trigger = { TriggerName: "http", Type: "http", TriggerDesc: JSON.stringify({ AuthType: "CAM", NetConfig: net }) };
  await api.CreateTrigger({ FunctionName, ...trigger, Enable: "OPEN" });
  const { Functions } = await api.ListFunctions({});
  const { Triggers } = await api.ListTriggers({ FunctionName });
  await api.DeleteFunction({ FunctionName });
  await until(async () => (await api.ListFunctions({})).TotalCount === 0);
  const left = (await api.ListFunctions({})).Functions;
  return [Functions, Triggers, left].map((list) => list.map((one) => one.TriggerName || one.FunctionName));
}

async function refused() {
  try {
    await client(tencentcloud.redis.v20180412).DescribeTaskInfo({ TaskId: 1 });
    return "";
  } catch (error) {
    return error.code;
  }
}

(async () => {
  const told = { redis: await redis(), tcr: await tcr(), ssm: await ssm(), scf: await scf(), refused: await refused() };
  console.log(JSON.stringify(told));
})();
