using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

[Trait("Requirement", "QMF-CLI-013")]
public sealed class EditTests : CliTest
{
    private readonly List<string> _offered = [];

    public EditTests() => Environment["EDITOR"] = "an-editor";

    [Fact]
    public async Task Edit_ChangedValue_IsAppliedToTheGenerationThatWasSeen()
    {
        Store();

        Assert.Equal(ExitCode.Done, await EditAsync(text => text.Replace("2G", "1G", StringComparison.Ordinal)));

        Assert.Equal("""
            #| fleet/cockpit, generation 3. Lines that begin with #| are taken out again.
            #| Left as it is, or empty, nothing is changed.
            apiVersion: qm.fleet/v1
            kind: Fleet
            metadata:
              name: cockpit
              labels:
                program: atlas
            spec:
              selector: zone=cockpit
              environment:
                resources:
                  MemoryHigh: 2G

            """, Assert.Single(_offered));
        var stored = Server.Fleets.Applies.Single(apply => !apply.DryRun);
        Assert.Equal(("1G", 3), (stored.Fleets[0].Spec.Environment.Resources.MemoryHigh, stored.Generations["cockpit"]));
        Assert.Equal("fleet/cockpit created  revision 9f3a61c2  rollout cockpit/1\n", Out.ToString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Edit_LeftAsItIsOrEmpty_DoesNothing(bool isEmptied)
    {
        Store();

        Assert.Equal(ExitCode.Done, await EditAsync(text => isEmptied ? "" : text));
        Assert.Empty(Server.Fleets.Applies);
        Assert.Equal("fleet/cockpit was not edited, nothing was changed\n", Errors);
    }

    [Fact]
    public async Task Edit_Refused_ComesBackWithItsProblemsByTheLinesOfTheEditor()
    {
        Store();
        Server.Fleets.Violations = request => request.Fleets[0].Spec.Environment.Resources.MemoryHigh == "3Q" ? [("fleets[0].spec.environment.resources.MemoryHigh", "\"3Q\" is not a size")] : [];

        Assert.Equal(ExitCode.Done, await EditAsync(
            text => text.Replace("2G", "3Q", StringComparison.Ordinal).Replace("selector:", "selecter:", StringComparison.Ordinal),
            text => text.Replace("selecter:", "selector:", StringComparison.Ordinal),
            text => text.Replace("3Q", "3G", StringComparison.Ordinal)));

        Assert.Contains("#| line 11  spec.selecter: no such field; did you mean selector?", _offered[1], StringComparison.Ordinal);
        Assert.Equal("  selecter: zone=cockpit", _offered[1].Split('\n')[10]);
        Assert.Contains("#| line 14  spec.environment.resources.MemoryHigh: \"3Q\" is not a size", _offered[2], StringComparison.Ordinal);
        Assert.DoesNotContain("selecter", _offered[2], StringComparison.Ordinal);
        Assert.Equal("3G", Server.Fleets.Applies.Single(apply => !apply.DryRun).Fleets[0].Spec.Environment.Resources.MemoryHigh);
    }

    [Fact]
    public async Task Edit_RefusedAndLeftAlone_Is2AndKeepsTheText()
    {
        Store();

        Assert.Equal(ExitCode.Invalid, await EditAsync(text => text.Replace("selector:", "selecter:", StringComparison.Ordinal), text => text));

        Assert.DoesNotContain(Server.Fleets.Applies, apply => !apply.DryRun);
        var kept = Errors.Split(" is in ")[1].Trim();
        Assert.Contains("selecter: zone=cockpit", await File.ReadAllTextAsync(kept, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        File.Delete(kept);
    }

    [Fact]
    public async Task Edit_ChangedMeanwhile_ShowsWhatChangedAndKeepsWhatWasWritten()
    {
        Store();
        Server.Fleets.Violations = request =>
        {
            if (request.Generations["cockpit"] == 3)
            {
                var fleet = Server.Fleets.Stored[0];
                fleet.Metadata.Generation = 4;
                fleet.Metadata.Labels["program"] = "titan";
                throw new Google.Rpc.Status { Code = (int)Code.Aborted, Message = "fleet cockpit has generation 4 by now" }.ToRpcException();
            }

            return [];
        };

        Assert.Equal(ExitCode.Done, await EditAsync(
            text => text.Replace("2G", "1G", StringComparison.Ordinal), text => text.Replace("program: atlas", "program: titan", StringComparison.Ordinal)));

        Assert.StartsWith("""
            #| fleet/cockpit, generation 4. Lines that begin with #| are taken out again.
            #| Left as it is, or empty, nothing is changed.
            #| It was changed meanwhile, from generation 3 to 4. Below is your text; to keep what changed, take it over:
            #| -     program: atlas
            #| +     program: titan
            apiVersion: qm.fleet/v1

            """, _offered[1], StringComparison.Ordinal);
        Assert.Contains("MemoryHigh: 1G", _offered[1], StringComparison.Ordinal);
        var stored = Server.Fleets.Applies.Single(apply => !apply.DryRun);
        Assert.Equal(("titan", 4), (stored.Fleets[0].Metadata.Labels["program"], stored.Generations["cockpit"]));
    }

    [Fact]
    public async Task Edit_AnotherName_IsRefused()
    {
        Store();

        Assert.Equal(ExitCode.Invalid, await EditAsync(text => text.Replace("name: cockpit", "name: other", StringComparison.Ordinal), _ => ""));
        File.Delete(Errors.Split(" is in ")[1].Trim());
        Assert.Contains("metadata.name: expected fleet \"cockpit\"", _offered[1], StringComparison.Ordinal);
        Assert.DoesNotContain(Server.Fleets.Applies, apply => !apply.DryRun);
    }

    private void Store() => Server.Fleets.Stored.Add(new()
    {
        Metadata = new() { Name = "cockpit", Labels = { ["program"] = "atlas" }, Generation = 3 },
        Spec = new() { Selector = "zone=cockpit", Environment = new() { Resources = new() { MemoryHigh = "2G" } } },
        Status = new() { Revision = "9f3a61c2" },
    });

    private Task<int> EditAsync(params Func<string, string>[] rounds)
    {
        var round = 0;
        var context = Context() with
        {
            Edit = async (command, file, ct) =>
            {
                Assert.Equal("an-editor", command);
                _offered.Add(await File.ReadAllTextAsync(file, ct));
                await File.WriteAllTextAsync(file, rounds[round++](_offered[^1]), ct);
                return 0;
            },
        };
        return RunAsync(context, "edit", "fleet", "cockpit", "--no-wait");
    }
}
