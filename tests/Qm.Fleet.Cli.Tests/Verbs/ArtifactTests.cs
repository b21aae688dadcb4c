using System.Security.Cryptography;
using System.Text.Json;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

public sealed class ArtifactTests : CliTest
{
    private static readonly byte[] Content = RandomNumberGenerator.GetBytes(3 << 20);
    private static readonly string Digest = Convert.ToHexStringLower(SHA256.HashData(Content));

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task Push_PrintsTheDigestAndTheLineOfTheFleetAndProgressBeside()
    {
        Assert.Equal(ExitCode.Done, await RunAsync("artifact", "push", File()));

        Assert.Equal($"{Digest}\nrootfs: {{archive: {{sha256: {Digest}}}}}\n", Out.ToString());
        Assert.Contains("qm-1.4.0.tar.zst: 3072 of 3072 KiB, 100 %", Errors, StringComparison.Ordinal);
        Assert.Equal(Content, Server.Artifacts.Came);
        var header = Assert.Single(Server.Artifacts.Headers);
        Assert.Equal((Digest, "qm-1.4.0.tar.zst", Content.Length, 0), (header.Sha256, header.Name, header.SizeBytes, header.OffsetBytes));
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-005")]
    public async Task Push_CutOff_GoesOnWhereItWas()
    {
        Server.Artifacts.Ends.Enqueue(("STOPPING", 1 << 20));
        Server.Artifacts.Ends.Enqueue(("BUSY", 0));
        Time.AutoAdvanceAmount = TimeSpan.FromSeconds(1);
        var run = RunAsync("artifact", "push", File(), "--name", "qm.tar");
        while (!run.IsCompleted)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.Equal(ExitCode.Done, await run);
        Assert.Equal(3, Server.Artifacts.Headers.Count);
        Assert.Equal(0, Server.Artifacts.Headers[0].OffsetBytes);
        Assert.All(Server.Artifacts.Headers.Skip(1), header => Assert.True(header.OffsetBytes >= 1 << 20));
        Assert.Equal(Content, Server.Artifacts.Came);
        Assert.Contains("going on in a moment", Errors, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-005")]
    public async Task Push_ThereAlready_SendsNothing()
    {
        Server.Artifacts.Stored.Add(new() { Sha256 = Digest, Name = "older.tar", SizeBytes = Content.Length });

        Assert.Equal(ExitCode.Done, await RunAsync("artifact", "push", File()));

        Assert.StartsWith(Digest, Out.ToString(), StringComparison.Ordinal);
        Assert.Empty(Server.Artifacts.Headers);
        Assert.Contains("older.tar", Errors, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Push_WithoutFileServerOrLeave_EndsWithTheCodeThatSaysSo()
    {
        Assert.Equal(ExitCode.Invalid, await RunAsync("artifact", "push", "/does/not/exist"));
        Assert.Contains("/does/not/exist", Errors, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Unreachable, await RunAsync("--server", "unix:/does/not/exist", "artifact", "push", File()));
        Server.Artifacts.Ends.Enqueue(("NO_ROOM", 0));
        Assert.Equal(ExitCode.Refused, await RunAsync("artifact", "push", File()));
        Assert.Empty(Out.ToString());
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task List_ShowsSizeAndWhoNeedsIt()
    {
        Server.Artifacts.Stored.Add(new() { Sha256 = Digest, Name = "qm\u001b[2J.tar", SizeBytes = 3 << 20, UsedBy = { "cockpit/82e17763" }, PushedBy = "admin:alice" });
        await RunAsync("artifact", "list");
        Assert.Equal($"""
            NAME        SHA256        SIZE   PUSHED  USED BY
            qm?[2J.tar  {Digest[..12]}  3.00M  -       cockpit/82e17763

            """.ReplaceLineEndings("\n"), Out.ToString());
        Assert.Empty(Errors);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task List_Wide_HasTheDigestThatAFleetNames()
    {
        Server.Artifacts.Stored.Add(new() { Sha256 = Digest, Name = "qm.tar", PushedBy = "admin:alice" });
        await RunAsync("artifact", "list", "-o", "wide", "--no-headers");
        Assert.EndsWith($"  admin:alice  {Digest}\n", Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task List_Json_IsTheApis()
    {
        Server.Artifacts.Stored.Add(new() { Sha256 = Digest, Name = "qm.tar", SizeBytes = 3 << 20 });
        await RunAsync("artifact", "list", "-o", "json");
        Assert.Equal(Digest, JsonDocument.Parse(Out.ToString()).RootElement.GetProperty("items")[0].GetProperty("sha256").GetString());
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Delete_NeededThenFreeThenGone_EndsWithTheCodeThatSaysSo()
    {
        Server.Artifacts.Stored.Add(new() { Sha256 = Digest, Name = "qm.tar", UsedBy = { "cockpit/82e17763" } });
        Assert.Equal(ExitCode.Refused, await RunAsync("artifact", "delete", Digest));
        Assert.Contains("cockpit/82e17763", Errors, StringComparison.Ordinal);

        Server.Artifacts.Stored[0].UsedBy.Clear();
        Assert.Equal(ExitCode.Done, await RunAsync("artifact", "delete", Digest));
        Assert.Equal($"artifact/{Digest} deleted\n", Out.ToString());
        Assert.Equal(ExitCode.NotFound, await RunAsync("artifact", "delete", Digest));
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Delete_ByNameOrFirstDigits_IsOfOneThatIsMeantAndNoOther()
    {
        var (first, second, third) = ("77" + new string('1', 62), "77" + new string('2', 62), new string('3', 64));
        Server.Artifacts.Stored.AddRange([new() { Sha256 = first, Name = "qm.tar" }, new() { Sha256 = second, Name = "qm.tar" }, new() { Sha256 = third, Name = "other.tar" }]);

        Assert.Equal(ExitCode.Invalid, await RunAsync("artifact", "delete", "qm.tar"));
        Assert.Equal("2 archives are called qm.tar: name one by its digest, 771111111111 or 772222222222\n", Errors);
        Assert.Equal(ExitCode.Invalid, await RunAsync("artifact", "delete", "77"));
        Assert.Equal(ExitCode.NotFound, await RunAsync("artifact", "delete", "78"));
        Assert.Equal(3, Server.Artifacts.Stored.Count);

        Assert.Equal(ExitCode.Done, await RunAsync("artifact", "delete", "other.tar", "--dry-run"));
        Assert.Equal($"artifact/{third} would be deleted  (dry run)\n", Out.ToString());
        Assert.Equal(ExitCode.Done, await RunAsync("artifact", "delete", "other.tar"));
        Assert.Equal(ExitCode.Done, await RunAsync("artifact", "delete", "772222222222"));
        Assert.Equal(first, Assert.Single(Server.Artifacts.Stored).Sha256);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-003")]
    public async Task Delete_OfAnEmptyWord_IsOfNothingThoughThereIsOneArchiveOnly()
    {
        Server.Artifacts.Stored.Add(new() { Sha256 = Digest, Name = "" });

        Assert.Equal(ExitCode.NotFound, await RunAsync("artifact", "delete", ""));
        Assert.Equal("There is no archive \"\"; qmfleet artifact list shows those there are\n", Errors);
        Assert.Single(Server.Artifacts.Stored);
    }

    private string File()
    {
        var path = Write("qm-1.4.0.tar.zst", "");
        System.IO.File.WriteAllBytes(path, Content);
        return path;
    }
}
