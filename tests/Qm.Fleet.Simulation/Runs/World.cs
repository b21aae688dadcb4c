using System.Security.Cryptography;
using System.Text;
using Qm.Fleet.Core.Selectors;
using Qm.Fleet.Simulation.Engine;
using Qm.Fleet.Simulation.Models;
using Qm.Fleet.Simulation.Mutations;
using Qm.Fleet.Simulation.Rules;

namespace Qm.Fleet.Simulation.Runs;

/// <summary>Everything there is in one run.</summary>
internal sealed class World
{
    private readonly Dictionary<string, string> _hashes = new(StringComparer.Ordinal);
    private uint _job;

    internal World(ulong seed, Bug bug, TextWriter? text)
    {
        Bug = bug;
        Random = new(seed);
        Setup = new(Random.Fork());
        Time = new(Setup.Start);
        Pump = new(Time, Random.Fork(), Random.Chance(30));
        Trace = new(Time, text);
        Referee = new(this);
        Store = new(this);
        BlueChi = new(this);
        for (var number = 1; number <= Setup.Nodes; number++)
        {
            var node = new SimulatedNode(this, number);
            Nodes.Add(node);
            BlueChi.Add(node);
            Store.Save(new(node.Name, "local", node.Labels, false));
            BlueChi.LinkChanged(node);
        }
    }

    internal static LabelSelector Selector { get; } = Setup.Parse("on=yes");

    internal Bug Bug { get; }

    internal Randomness Random { get; }

    internal Setup Setup { get; }

    internal VirtualTime Time { get; }

    internal Pump Pump { get; }

    internal Trace Trace { get; }

    internal Referee Referee { get; }

    internal SimulatedStore Store { get; }

    internal SimulatedBus BlueChi { get; }

    internal List<SimulatedNode> Nodes { get; } = [];

    internal Dictionary<string, SimulatedRevision> Revisions { get; } = new(StringComparer.Ordinal) { [SimulatedRevision.Removed.Name] = SimulatedRevision.Removed };

    /// <summary>The controller; null while there is none.</summary>
    internal SimulatedController? Controller { get; private set; }

    /// <summary>Nothing breaks any more, and nobody asks for anything.</summary>
    internal bool IsSettling { get; set; }

    /// <summary>The next places at which the controller may be killed are watched, for so many of a hundred passers-by.</summary>
    internal int KillsOnTheWay { get; set; }

    /// <summary>The next node that gets its turn drives off before anything is done to it, and the controller is away for a while.</summary>
    internal bool DrivesOffAtItsTurn { get; set; }

    /// <summary>Asked for the next time the controller is about to write what it decided; null for nothing.</summary>
    internal Action? AskedOnTheWay { get; set; }

    internal SimulatedNode Node(string name) => Nodes.First(node => node.Name == name);

    internal Flaw FlawOf(string revision, SimulatedNode node) => Revisions.GetValueOrDefault(revision)?.On(node) ?? Flaw.None;

    internal uint NextJob() => ++_job;

    internal string HashOf(string content)
    {
        if (!_hashes.TryGetValue(content, out var hash))
        {
            _hashes[content] = hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)));
        }

        return hash;
    }

    internal void StartController()
    {
        if (Controller is null)
        {
            Trace.Add("the controller starts");
            Controller = new(this);
            Controller.Start();
        }
    }

    internal void KillController(string where, TimeSpan down)
    {
        if (Controller is { } controller)
        {
            Trace.Add($"the controller is killed, {where}");
            controller.Kill();
            Controller = null;
            Time.After(down, StartController);
        }
    }

    /// <summary>A place between two effects of the controller; it never returns to one that is killed at it.</summary>
    internal Task MayKillAsync(string where)
    {
        if (KillsOnTheWay == 0 || !Random.Chance(KillsOnTheWay))
        {
            return Task.CompletedTask;
        }

        KillsOnTheWay = 0;
        // Some are missed for long enough that what was so when it decided is not so any more.
        KillController(where, Random.Chance(25) ? Random.Milliseconds(40_000, 400_000) : Random.Milliseconds(100, 40_000));
        return new TaskCompletionSource().Task;
    }

    /// <summary>It is stored that nodes have their turn.</summary>
    internal void HaveTheirTurn(IReadOnlyList<string> names)
    {
        if (names.Count > 0 && DrivesOffAtItsTurn)
        {
            DrivesOffAtItsTurn = false;
            var away = Random.Milliseconds(40_000, 300_000);
            Node(names[0]).Drive(away + Random.Milliseconds(5_000, 200_000));
            KillController("when a node has its turn", away);
        }
    }

    /// <summary>A place between what the controller has read and what it writes.</summary>
    internal void PassBy()
    {
        var asked = AskedOnTheWay;
        AskedOnTheWay = null;
        asked?.Invoke();
    }

    /// <summary>The node's bluechi-agent stands still for a while.</summary>
    internal void Freeze(SimulatedNode node, TimeSpan span)
    {
        if (node.IsFrozen)
        {
            return;
        }

        Trace.Add($"bluechi-agent of {node.Name} stands still");
        node.IsFrozen = true;
        BlueChi.LinkChanged(node);
        Time.After(span, () =>
        {
            Trace.Add($"bluechi-agent of {node.Name} goes on");
            node.IsFrozen = false;
            BlueChi.LinkChanged(node);
        });
    }
}
