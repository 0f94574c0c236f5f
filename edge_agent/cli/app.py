"""The commands of `edge-agent`. Each lives in a module of its own, imported when it is called."""

from importlib.metadata import version

from cyclopts import App

app = App(name="edge-agent", help="Read plates on the box, send signed messages.", version=lambda: version("atalaya"))
app.command("edge_agent.cli.read:read", name="read")
app.command("edge_agent.cli.redact:redact", name="redact")
app.command("edge_agent.cli.run:run", name="run")
app.command("edge_agent.cli.status:status", name="status")
app.command("edge_agent.cli.config:app", name="config")
app.command("edge_agent.cli.identity:app", name="identity")
app.command("edge_agent.cli.enroll:enroll", name="enroll")
app.command("edge_agent.cli.profiles:app", name="profiles")
app.command("edge_agent.cli.models:app", name="models")
app.command("edge_agent.cli.doctor:doctor", name="doctor")
app.command("edge_agent.cli.tune:tune", name="tune")
app.command("edge_agent.cli.network:app", name="network")
app.command("edge_agent.cli.cameras:app", name="cameras")
app.command("edge_agent.cli.panic:app", name="panic")
app.command("edge_agent.cli.support_bundle:support_bundle", name="support-bundle")
app.command("edge_agent.cli.aim:aim", name="aim")
app.command("edge_agent.cli.accept:accept", name="accept")
