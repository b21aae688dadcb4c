using System.Diagnostics;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Labels;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Tests.Labels;

/// <summary>An emulated node whose kernel enforces SELinux, with a stand-in for restorecon.</summary>
internal sealed class SelinuxNode : IDisposable
{
    private const string Program = "bin/restorecon", Log = "restorecon.log", Failing = "restorecon.fails", Given = "restorecon.label", Labelling = "restorecon.labels", Killing = "restorecon.kill", Killed = "restorecon.killed", Policy = "etc/selinux/targeted/contexts/files";

    public SelinuxNode()
    {
        Node.Write("sys/fs/selinux/enforce", "1");
        Node.Write("etc/selinux/config", "# a comment\nSELINUX=enforcing\nSELINUXTYPE=targeted\n");
        Directory.CreateDirectory(Node.Of(Policy));
        var slots = Node.Of(RootfsSlot.Directory);
        Node.Write(Program, $$"""
            #!/bin/sh
            rules=$(sed -n 's,^{{RootfsSlot.Directory}}/\([^ ]*\) /usr/lib/qm/rootfs$,\1,p' {{Node.Of(Policy)}}/file_contexts.subs 2>/dev/null)
            echo "$*; slots:" $(ls {{slots}} 2>/dev/null)"; rules:" $rules >>{{Node.Of(Log)}}
            if [ -e {{Node.Of(Failing)}} ]; then echo 'restorecon: Operation not permitted' >&2; exit 255; fi
            if [ -e {{Node.Of(Given)}} ]; then for file; do test "$file" = -i || chcon "$(cat {{Node.Of(Given)}})" "{{Node.Root}}$file"; done; fi
            [ -e {{Node.Of(Labelling)}} ] || exit 0
            for path; do case "$path" in -*) ;; *) find '{{Node.Root}}'"$path" ! -type l ;; esac; done >{{Node.Of(Labelling)}}
            lines=$(wc -l <{{Node.Of(Labelling)}})
            read at share 2>/dev/null <{{Node.Of(Killing)}} || at=0
            if [ "$at" = "$(wc -l <{{Node.Of(Log)}})" ]; then lines=$((lines * share / 100)); : >{{Node.Of(Killed)}}; fi
            head -n $lines {{Node.Of(Labelling)}} | tr '\n' '\0' | xargs -0 -r chmod +t
            [ ! -e {{Node.Of(Killed)}} ]
            """);
        Node.MakeExecutable(Program);
    }

    public EmulatedNode Node { get; } = new();

    /// <summary>How restorecon was called, each time with what there was.</summary>
    public string[] Calls => File.Exists(Node.Of(Log)) ? File.ReadAllLines(Node.Of(Log)) : [];

    /// <summary>The file of the rules; null when there is none.</summary>
    public string? Rules => File.Exists(Node.Of($"{Policy}/file_contexts.subs")) ? File.ReadAllText(Node.Of($"{Policy}/file_contexts.subs")) : null;

    /// <summary>The slots that have one.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            using var root = NodeRoot.Open(Node.Root);
            return new EquivalenceRules(root).Names;
        }
    }

    /// <summary>The label that restorecon gives files from now on, which only root may where the kernel has no SELinux; without one it gives none.</summary>
    public void Give(string label) => Node.Write(Given, label);

    /// <summary>Gives a file a label by hand.</summary>
    public void Relabel(string path, string label)
    {
        using var chcon = Process.Start("chcon", [label, Node.Of(path.TrimStart('/'))]);
        chcon.WaitForExit();
        Assert.Equal(0, chcon.ExitCode);
    }

    /// <summary>The label of a file.</summary>
    public string LabelOf(string path)
    {
        using var root = NodeRoot.Open(Node.Root);
        using var file = root.OpenFile(path);
        return TreeCalls.Label(file, path);
    }

    public void WriteRules(string text) => Node.Write($"{Policy}/file_contexts.subs", text);

    /// <summary>Has labelling fail: the program <c>fails</c> or is <c>missing</c>, or the <c>policy</c> is not installed.</summary>
    public void Break(string what)
    {
        switch (what)
        {
            case "fails": Node.Write(Failing, ""); break;
            case "missing": File.Delete(Node.Of(Program)); break;
            default: Directory.Delete(Node.Of(Policy), recursive: true); break;
        }
    }

    /// <summary>Whether the agent was killed while restorecon ran for it.</summary>
    public bool IsKilled => File.Exists(Node.Of(Killed));

    /// <summary>Has restorecon label what it is given, which is to set the sticky bit here.</summary>
    public void Label() => Node.Write(Labelling, "");

    /// <summary>Has the agent be killed, and restorecon with it.</summary>
    /// <param name="call">At which of its runs, from 1.</param>
    /// <param name="percent">How much it has labelled by then.</param>
    public void Kill(int call, int percent) => Node.Write(Killing, $"{call} {percent}\n");

    /// <summary>Has the agent be started again.</summary>
    public void Revive()
    {
        File.Delete(Node.Of(Killing));
        File.Delete(Node.Of(Killed));
    }

    /// <summary>What below a path, itself included, has no label; links have none.</summary>
    public string[] Unlabelled(string path) =>
    [
        .. (Directory.Exists(Node.Of(path)) ? new DirectoryInfo(Node.Of(path)).EnumerateFileSystemInfos("*", SearchOption.AllDirectories).Prepend(new DirectoryInfo(Node.Of(path))) : [new FileInfo(Node.Of(path))])
            .Where(static entry => entry.LinkTarget is null && !entry.UnixFileMode.HasFlag(UnixFileMode.StickyBit)).Select(entry => entry.FullName[Node.Root.Length..]),
    ];

    /// <summary>Has it work again.</summary>
    public void Mend() => File.Delete(Node.Of(Failing));

    public void Dispose() => Node.Dispose();
}
