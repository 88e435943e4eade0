"""plan, deploy, remove and call: serverless.yml and the packages on a platform."""
