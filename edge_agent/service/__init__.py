"""The running agent: adapters and rules put together. `service.run.run` is the one way in."""
