using Qm.Fleet.Simulation.Models;

namespace Qm.Fleet.Simulation.Runs;

/// <summary>What breaks, each thing for a while.</summary>
internal sealed class Faults(World world)
{
    /// <summary>Draws what breaks and when.</summary>
    internal void Plan()
    {
        for (var fault = 0; fault < world.Setup.Faults; fault++)
        {
            world.Time.After(world.Random.Milliseconds(0, (int)world.Setup.FaultsFor.TotalMilliseconds), Break);
        }
    }

    /// <summary>Everything that broke is mended, but not on these nodes, which stay broken for good.</summary>
    internal void Mend(IReadOnlyCollection<SimulatedNode> broken)
    {
        (world.Setup.LostSignals, world.Setup.LostJobs, world.Setup.FreezesAtJob, world.KillsOnTheWay) = (0, 0, 0, 0);
        world.Store.IsWritable = true;
        foreach (var node in world.Nodes)
        {
            if (broken.Contains(node))
            {
                Ruin(node);
                continue;
            }

            Power(node);
            (node.Wire, node.IsFrozen, node.IsExtensionCut) = (Wire.Whole, false, false);
            node.ParkedTarget.ActiveState = "active";
            node.StartQm();
            world.BlueChi.LinkChanged(node);
            world.Controller?.Dial(node);
        }

        world.StartController();
    }

    private void Ruin(SimulatedNode node)
    {
        world.Trace.Add($"{node.Name} is broken for good");
        switch (node.Number % 3)
        {
            case 0 when node.IsUp:
                node.LosePower();
                break;
            case 1:
                node.Wire = Wire.Cut;
                break;
            default:
                node.IsExtensionCut = true;
                world.Controller?.Links.Lost(node);
                break;
        }

        world.BlueChi.LinkChanged(node);
    }

    private void Break()
    {
        if (world.IsSettling)
        {
            return;
        }

        var node = world.Random.Of(world.Nodes);
        switch (world.Random.Below(20))
        {
            case 0 when node.IsUp:
                world.Trace.Add($"{node.Name} loses power");
                node.LosePower();
                Later(5_000, 240_000, () => Power(node));
                break;
            case 1 or 2 when node.Wire == Wire.Whole:
                Cut(node, world.Random.Of([Wire.Cut, Wire.Cut, Wire.Deaf, Wire.Mute]));
                Later(2_000, 300_000, () => Cut(node, Wire.Whole));
                break;
            case 3:
                world.Freeze(node, world.Random.Milliseconds(3_000, 180_000));
                break;
            case 4 when !node.IsExtensionCut:
                world.Trace.Add($"the extension of {node.Name} is cut off");
                node.IsExtensionCut = true;
                world.Time.After(world.Random.Milliseconds(0, 20_000), () => LoseExtension(node));
                Later(1_000, 300_000, () => Rejoin(node));
                break;
            case 5:
                world.Trace.Add($"QM of {node.Name} dies");
                node.Crash(world.Random.Chance(70));
                break;
            case 6 when node.Workloads.Count > 0:
                world.Trace.Add($"a workload of {node.Name} dies");
                var (name, unit) = node.Workloads.First();
                node.Die(unit, unit.Run, name, world.Random.Chance(50));
                break;
            case 7:
                world.KillController("at any time", world.Random.Milliseconds(100, 90_000));
                break;
            case 8 or 9:
                world.KillsOnTheWay = world.Random.Between(5, 60);
                break;
            case 10:
                world.BlueChi.Restart(world.Random.Milliseconds(500, 40_000));
                break;
            case 11:
                world.Trace.Add("the disk is full");
                world.Store.IsWritable = false;
                Later(1_000, 60_000, () => world.Store.IsWritable = true);
                break;
            case 12:
                var step = world.Random.Milliseconds(-1_800_000, 1_800_000);
                world.Trace.Add($"the clock is set by {step}");
                world.Time.Step += step;
                world.Referee.ClockWasSet();
                break;
            case 13:
                world.DrivesOffAtItsTurn = true;
                break;
            case 14 when node.Workloads.Count > 0:
                DiesAgain(node, node.Workloads.First().Key, world.Random.Between(2, 12), world.Random.Chance(50));
                break;
            case 15:
                world.Trace.Add("the workloads of all nodes die");
                foreach (var each in world.Nodes.Where(each => each.Workloads.Count > 0))
                {
                    DiesAgain(each, each.Workloads.First().Key, world.Random.Between(1, 4), outOfMemory: false);
                }

                break;
            case 17 or 18 when node.Workloads.Count > 0:
                // What shall be done about it before long is a restart of QM, which people on the road have to be spared.
                DiesAgain(node, node.Workloads.First().Key, 12, outOfMemory: false);
                node.Drive(world.Random.Milliseconds(100_000, 300_000));
                world.Nodes[0].Drive(world.Random.Milliseconds(100_000, 300_000));
                break;
            case 16:
                CrashesAgain(node, world.Random.Between(2, 6));
                break;
            default:
                node.Drive(world.Random.Milliseconds(5_000, 200_000));
                break;
        }
    }

    // Whatever is done about it.
    private void DiesAgain(SimulatedNode node, string name, int times, bool outOfMemory)
    {
        world.Trace.Add($"{name} of {node.Name} dies, {times} times in all");
        void Die(int left)
        {
            if (node.Workloads.GetValueOrDefault(name) is { } unit)
            {
                node.Die(unit, unit.Run, name, outOfMemory);
            }

            if (left > 1)
            {
                Later(2_000, 40_000, () => Die(left - 1));
            }
        }

        Die(times);
    }

    private void CrashesAgain(SimulatedNode node, int times)
    {
        node.Crash(world.Random.Chance(70));
        if (times > 1)
        {
            Later(8_000, 60_000, () => CrashesAgain(node, times - 1));
        }
    }

    private void Later(int least, int most, Action mend) => world.Time.After(world.Random.Milliseconds(least, most), () =>
    {
        if (!world.IsSettling)
        {
            mend();
        }
    });

    private void Power(SimulatedNode node)
    {
        if (!node.IsUp)
        {
            world.Trace.Add($"{node.Name} has power again");
            node.Boot();
            world.Time.After(world.Random.Milliseconds(500, 4_000), () => world.Controller?.Dial(node));
        }
    }

    private void Cut(SimulatedNode node, Wire wire)
    {
        world.Trace.Add($"the wire of {node.Name} is {wire}");
        node.Wire = wire;
        world.BlueChi.LinkChanged(node);
    }

    private void LoseExtension(SimulatedNode node)
    {
        if (node.IsExtensionCut)
        {
            world.Controller?.Links.Lost(node);
        }
    }

    private void Rejoin(SimulatedNode node)
    {
        node.IsExtensionCut = false;
        world.Trace.Add($"the extension of {node.Name} can be reached again");
        world.Controller?.Links.Lost(node);
        world.Time.After(world.Random.Milliseconds(10, 3_000), () => world.Controller?.Dial(node));
    }
}
