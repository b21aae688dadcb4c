using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

/// <summary>Who may do what and who may join can be tried first: the server is asked whether it would, and nothing is another thing afterwards.</summary>
[Trait("Requirement", "QMF-CLI-018")]
public sealed class DryRunTests : CliTest
{
    [Theory]
    [InlineData("auth role apply -f ROLE", "role/radio-keeper applied, 1 rule  (dry run)\n", "")]
    [InlineData("auth role delete keeper", "role/keeper deleted  (dry run)\n", "")]
    [InlineData("auth binding apply ci --subject token:ci --role viewer", "binding/ci applied: token:ci has the role viewer everywhere  (dry run)\n", "")]
    [InlineData("auth binding delete ann", "binding/ann deleted: viewer:ann has the role operator no longer by it  (dry run)\n", "")]
    [InlineData("auth token create ci --role viewer --expires-in 1d", "", "token:ci would have the role viewer everywhere until 2100-01-02 12:00Z  (dry run)\n")]
    [InlineData("auth token revoke old", "token/old revoked  (dry run)\n", "")]
    [InlineData("auth host-units remove heater.service", "host-unit/heater.service removed: it is out of reach  (dry run)\n", "")]
    [InlineData("join-token create rig --node ecu1 --expires-in 1d", "", "jointoken:rig would let 1 of ecu1 join until 2100-01-02 12:00Z  (dry run)\n")]
    [InlineData("join-token revoke bench", "jointoken/bench revoked  (dry run)\n", "")]
    [InlineData("enrollments approve ecu4", "enrollment/ecu4 approved, key aaaa  (dry run)\n", "")]
    [InlineData("enrollments deny ecu4", "enrollment/ecu4 denied, key aaaa  (dry run)\n", "")]
    public async Task DryRun_OfATrustVerb_SaysWhatWouldBeAndChangesNothing(string line, string output, string errors)
    {
        Server.Access.Roles.Add(new() { Name = "keeper" });
        Server.Access.Bindings.Add(new() { Name = "ann", Subject = "viewer:ann", Role = "operator" });
        Server.Access.Tokens.Add(new() { Name = "old" });
        Server.Enrollments.Tokens.Add(new() { Name = "bench" });
        Server.Enrollments.Stored.Add(new() { Node = "ecu4", Fingerprint = "aaaa", State = Enrollment.Types.State.Pending });
        Server.HostUnits.Units.Add(new() { Unit = "heater.service" });
        var role = Write("role.yaml", "name: radio-keeper\nrules:\n  - {verbs: [restart], resources: [units]}\n");

        Assert.Equal(ExitCode.Done, await RunAsync([.. line.Split(' ').Select(word => word == "ROLE" ? role : word), "--dry-run"]));

        Assert.Equal((output, errors), (Out.ToString(), Errors));
        Assert.Equal("keeper", Assert.Single(Server.Access.Roles).Name);
        Assert.Equal("ann", Assert.Single(Server.Access.Bindings).Name);
        Assert.Equal("old", Assert.Single(Server.Access.Tokens).Name);
        Assert.Equal("bench", Assert.Single(Server.Enrollments.Tokens).Name);
        Assert.Equal(Enrollment.Types.State.Pending, Assert.Single(Server.Enrollments.Stored).State);
        Assert.Equal("heater.service", Assert.Single(Server.HostUnits.Units).Unit);
    }

    [Fact]
    public async Task DryRun_OfACancel_WaitsForNoEnd()
    {
        Server.Operations.Stored.Add(new() { Name = "operations/cockpit/7", Kind = "Rollout", Done = false, Message = "waits for ecu2" });

        Assert.Equal(ExitCode.Done, await RunAsync("cancel", "operation/cockpit/7", "--dry-run"));

        Assert.Equal(("operation/cockpit/7 is asked to end: waits for ecu2  (dry run)\n", ""), (Out.ToString(), Errors));
        Assert.True(Assert.Single(Server.Operations.Cancels).DryRun);
        Assert.Empty(Server.Operations.Waits);
    }
}
