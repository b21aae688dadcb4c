using CsCheck;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Tests;

[Trait("Requirement", "QMF-AGENT-001")]
public sealed class NodeRootTests
{
    [Theory]
    [InlineData("/../../../outside/secret")]
    [InlineData("/etc/absolute-link/secret")]
    [InlineData("/etc/relative-link/secret")]
    [InlineData("/etc/file-link")]
    public void Read_PathOrLinkThatLeavesTheRoot_StaysInside(string path)
    {
        using var node = new EmulatedNode();
        node.Write("node/etc/plain", "inside");
        node.Write("outside/secret", "outside");
        File.CreateSymbolicLink(node.Of("node/etc/absolute-link"), node.Of("outside"));
        File.CreateSymbolicLink(node.Of("node/etc/relative-link"), "../../../../outside");
        File.CreateSymbolicLink(node.Of("node/etc/file-link"), node.Of("outside/secret"));
        using var root = NodeRoot.Open(node.Of("node"));

        Assert.Null(root.ReadText(path));
        node.Write("node/outside/secret", "inside");
        if (path != "/etc/absolute-link/secret" && path != "/etc/file-link")
        {
            Assert.Equal("inside", root.ReadText(path));
        }
    }

    [Fact]
    public void Read_Fifo_DoesNotHang()
    {
        using var node = new EmulatedNode();
        using (var made = System.Diagnostics.Process.Start("mkfifo", [node.Of("etc/fifo")]))
        {
            made.WaitForExit();
        }

        using var root = NodeRoot.Open(node.Root);
        Assert.Equal("", root.ReadText("/etc/fifo"));
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-011")]
    public void Look_WhatChangesMeanwhile_IsSeenByTheNextOne()
    {
        using var node = new EmulatedNode();
        using var root = NodeRoot.Open(node.Root);
        Directory.CreateDirectory(node.Of("opt/a/deep"));
        node.Write("opt/a/file", "one");
        using (var look = root.ForOneLook())
        {
            Assert.Equal("one deep,file deep one", Read(look));
            Assert.Null(look.ReadText("/opt/b"));
            node.Write("opt/a/file", "two");
            node.Write("opt/b", "new");
            Directory.CreateDirectory(node.Of("opt/a/other"));

            Assert.Equal("one deep,file deep one", Read(look));
            Assert.Null(look.ReadText("/opt/b"));
        }

        using var next = root.ForOneLook();
        Assert.Equal("two deep,file,other deep,other two", Read(next));
        Assert.Equal("new", next.ReadText("/opt/b"));
        Assert.Equal("two", root.ReadText("/opt/a/file"));

        static string Read(NodeRoot look)
        {
            using var below = look.Within("/opt/a");
            return $"{look.ReadText("/opt/a/file")} {string.Join(',', look.List("/opt/a"))} {string.Join(',', look.Directories("/opt/a"))} {below.ReadText("/file")}";
        }
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-011")]
    public void Look_WhatWasReadInWhole_IsStillTooBigForALowerLimit()
    {
        using var node = new EmulatedNode();
        node.Write("etc/long", new string('x', 10_000));
        using var root = NodeRoot.Open(node.Root);
        using var look = root.ForOneLook();

        Assert.Equal(10_000, look.ReadText("/etc/long")?.Length);
        var problem = Assert.Throws<NodeFileException>(() => look.ReadText("/etc/long", 9_999));
        Assert.Equal("FileTooBig", problem.Reason);
        Assert.Equal(10_000, look.ReadText("/etc/long", 10_000)?.Length);
    }

    [Fact]
    public void Read_LargerThanTheLimit_SaysSo()
    {
        using var node = new EmulatedNode();
        node.Write("etc/large", new string('x', 10_000));
        using var root = NodeRoot.Open(node.Root);
        Assert.Equal("FileTooBig", Assert.Throws<NodeFileException>(() => root.ReadText("/etc/large", limit: 9_999)).Reason);
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-009")]
    public void Calls_OfTheClassLibrary_FailAsTheKernelsDo()
    {
        using var node = new EmulatedNode();
        node.Write("etc/plain", "no directory");
        using var root = NodeRoot.Open(node.Root);
        using var plain = new NodeDirectory(root.OpenFile("/etc/plain"), "/etc/plain");
        using var etc = root.OpenDirectory("/etc");

        var listed = Assert.Throws<NodeFileException>(() => root.Calls.List(plain, onlyDirectories: false, _ => { }));
        var removed = Assert.Throws<NodeFileException>(() => root.Calls.RemoveTree(etc, "nothing"));

        Assert.Equal(("/etc/plain", true), (listed.Path, listed.IsMissing));
        Assert.Equal(("/etc/nothing", true), (removed.Path, removed.IsMissing));
        Assert.All([listed, removed], problem => Assert.DoesNotContain("/proc/self", problem.Message));
        Assert.Equal("InputOutputError", NodeFileException.From("list", "/x", new IOException("Input/output error : '/proc/self/fd/7'", Errno.InputOutput)).Reason);
        Assert.Equal("AccessDenied", NodeFileException.From("list", "/x", new UnauthorizedAccessException()).Reason);
    }

    [Fact]
    public async Task Commit_LinkPlantedInQm_CannotLeadOutOfQm()
    {
        using var node = new EmulatedNode();
        Directory.Delete(node.Of("etc/qm/containers/systemd"), recursive: true);
        File.CreateSymbolicLink(node.Of("etc/qm/containers/systemd"), "/../../../../etc/systemd/system");
        Directory.CreateDirectory(node.Of("etc/systemd/system"));
        Directory.CreateDirectory(node.Of("etc/qm/etc/systemd/system"));
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(new("r1", [new(OwnedFileKind.Workload, "radio", "[Container]\n")]));

        Assert.Empty(Directory.EnumerateFiles(node.Of("etc/systemd/system")));
        Assert.True(File.Exists(node.Of("etc/qm/etc/systemd/system/radio.container")));
    }

    [Fact]
    public void Locate_AnyKindAndName_IsRefusedOrOnTheList() =>
        Gen.Select(Gen.Int[-1, 7], Gen.OneOf(
                Gen.String, Gen.String[Gen.Char["ab.-_@\\/ \n\0:%~"], 0, 40], Gen.Const(".."), Gen.Const("../x"), Gen.Const("a/b.service"),
                Gen.String[Gen.Char["az09"], 1, 300].Select(name => name + ".service"), Gen.String[Gen.Char["az.-_"], 1, 70]))
            .Sample((kind, name) =>
            {
                OwnedPath path;
                try
                {
                    path = AllowList.Locate((OwnedFileKind)kind, name, "/etc/qm");
                }
                catch (CommandRefusedException e)
                {
                    Assert.Equal("InvalidFile", e.Reason);
                    Assert.DoesNotContain(e.Message, char.IsControl);
                    return;
                }

                Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(path.FileName), 1, 255);
                Assert.DoesNotContain('/', path.FileName);
                Assert.All(path.Full.Split('/')[1..], part => Assert.DoesNotContain(part, (string[])["", ".", ".."]));
                Assert.Equal(path.Full, Path.GetFullPath(path.Full));
                Assert.Contains(
                    path.Full,
                    (string[])
                    [
                        "/etc/containers/systemd/qm.container.d/50-qm-fleet.conf",
                        "/etc/qm/containers/containers.conf.d/50-qm-fleet.conf",
                        "/etc/qm/bluechi/agent.conf.d/zz-qm-fleet.conf",
                        "/etc/bluechi/agent.conf.d/zz-qm-fleet.conf",
                        $"/etc/qm/containers/systemd/{name}.container",
                        $"/etc/systemd/system/{name}.d/50-qm-fleet.conf",
                    ]);
            }, iter: 20_000);

    [Theory]
    [InlineData(OwnedFileKind.Workload, "bluechi-agent")]
    [InlineData(OwnedFileKind.Workload, "../../etc/shadow")]
    [InlineData(OwnedFileKind.AsilDropIn, "qm.service")]
    [InlineData(OwnedFileKind.AsilDropIn, "brake-control.target")]
    [InlineData(OwnedFileKind.AsilDropIn, "brake-control")]
    [InlineData(OwnedFileKind.QmContainersConf, "name")]
    [InlineData(OwnedFileKind.HostBlueChiAgentConf, "name")]
    [InlineData((OwnedFileKind)0, "")]
    public void Locate_NameThatIsNotOurs_IsRefused(OwnedFileKind kind, string name) =>
        Assert.Equal("InvalidFile", Assert.Throws<CommandRefusedException>(() => AllowList.Locate(kind, name, "/etc/qm")).Reason);
}
