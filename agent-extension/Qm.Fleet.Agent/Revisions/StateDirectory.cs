using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>
/// The agent's memory, one directory (default <c>/var/lib/qm-fleet</c>, mode 0700) of JSON documents (mode 0600):
/// <list type="table">
/// <item><term>state.json</term><description>What is in place: <see cref="NodeState"/>. Absent before the first commit.</description></item>
/// <item><term>staged.json</term><description>What waits for its commit: <see cref="StagedRevision"/>. Absent when nothing does.</description></item>
/// <item><term>previous.json</term><description>The way back: <see cref="PreviousRevision"/>. Absent once confirmed.</description></item>
/// <item><term>journal.json</term><description>A commit under way: <see cref="Journal"/>. Absent between commits.</description></item>
/// <item><term>*.new</term><description>A document being written; without meaning after a crash.</description></item>
/// </list>
/// Every document is replaced atomically and is on disk when a member returns.
/// Members throw <see cref="NodeFileException"/> when the disk fails, <see cref="JsonException"/> when a document is damaged.
/// </summary>
internal sealed class StateDirectory(NodeRoot root, string path)
{
    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private (byte[] Json, NodeState State) _lastState = ([], NodeState.Empty);

    /// <summary>Where it is, from the node's root.</summary>
    public string Path { get; } = path;

    public NodeState State
    {
        get => ReadState();
        set => Write("state.json", value, StateJson.Default.NodeState);
    }

    public StagedRevision? Staged
    {
        get => Read("staged.json", StateJson.Default.StagedRevision);
        set => Write("staged.json", value, StateJson.Default.StagedRevision);
    }

    public PreviousRevision? Previous
    {
        get => Read("previous.json", StateJson.Default.PreviousRevision);
        set => Write("previous.json", value, StateJson.Default.PreviousRevision);
    }

    public Journal? Journal
    {
        get => Read("journal.json", StateJson.Default.Journal);
        set => Write("journal.json", value, StateJson.Default.Journal);
    }

    /// <summary>Makes the directory if need be and keeps other agents out of it until the result is disposed.</summary>
    /// <exception cref="AgentRunningException">Another agent runs on this node.</exception>
    public IDisposable Claim()
    {
        var directory = DirectoryWriter.Ensure(root, Path, DirectoryMode);
        if (LinuxSystemCalls.TryLock(directory))
        {
            return directory;
        }

        directory.Dispose();
        throw new AgentRunningException($"another qm-fleet-agent holds {Path}; stop it first, or give this one a --root or --state of its own");
    }

    // Every look asks for it several times, and the same bytes say the same.
    private NodeState ReadState()
    {
        if (root.ReadBytes($"{Path}/state.json") is not { } json)
        {
            return NodeState.Empty;
        }

        if (!json.AsSpan().SequenceEqual(_lastState.Json))
        {
            _lastState = (json, Parse("state.json", json, StateJson.Default.NodeState));
        }

        return _lastState.State;
    }

    private T? Read<T>(string name, JsonTypeInfo<T> type)
        where T : class => root.ReadBytes($"{Path}/{name}") is not { } json ? null : Parse(name, json, type);

    private T Parse<T>(string name, byte[] json, JsonTypeInfo<T> type)
        where T : class => JsonSerializer.Deserialize(json, type) ?? throw new JsonException($"{Path}/{name} holds null.");

    private void Write<T>(string name, T? value, JsonTypeInfo<T> type)
        where T : class
    {
        using var directory = DirectoryWriter.Ensure(root, Path, DirectoryMode);
        if (value is null)
        {
            if (DirectoryWriter.TryDelete(root.Calls, directory, name))
            {
                root.Calls.FlushDirectory(directory);
            }

            return;
        }

        var temporary = $"{name}.new";
        DirectoryWriter.WriteBeside(root.Calls, directory, temporary, JsonSerializer.SerializeToUtf8Bytes(value, type), FileMode);
        root.Calls.Rename(directory, temporary, name);
        root.Calls.FlushDirectory(directory);
    }
}

/// <summary>Two agents would undo each other's commits.</summary>
internal sealed class AgentRunningException(string message) : IOException(message);
