using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Xunit;
using State = Qm.Fleet.V1.RolloutMember.Types.State;

namespace Qm.Fleet.Cli.Tests;

[Trait("Requirement", "QMF-ROLL-005")]
public sealed class RolloutTextTests
{
    private static readonly DateTimeOffset Now = CliTest.Now;

    [Fact]
    public async Task Write_SlowRollout_TellsBatchesAndWhenItWillBeThrough() => Assert.Equal(
        """
        Rollout cockpit/7 is in batch 2 of 3: 1 of 4 nodes ready; ecu2: RestartQm
          Through in about 9 m 0 s, if it goes on as it did so far
          Batch 1 (canary=true): 1 of 1 done
          Batch 2 (50%): 0 of 2 done, through in about 4 m 0 s
          Batch 3 (100%): waits, through in about 9 m 0 s
          ecu2     Moving, for 3 m 0 s: RestartQm (slow: 3 min so far, the others took 40 s)
                   Would release it: the node being Ready (at the latest in 7 m 0 s)
          1 done, 1 moving

        """,
        await TextAsync(new()
        {
            Rollout = "cockpit/7",
            Summary = "1 of 4 nodes ready; ecu2: RestartQm",
            Batch = 2,
            Batches = 3,
            EstimatedEnd = In(9),
            BatchStates =
            {
                new RolloutBatchState { Batch = "canary=true", Nodes = 1, Done = 1 },
                new RolloutBatchState { Batch = "50%", Nodes = 2, EstimatedEnd = In(4) },
                new RolloutBatchState { Batch = "100%", EstimatedEnd = In(9) },
            },
            Members =
            {
                new RolloutMember { Node = "ecu1", State = State.Done },
                new RolloutMember
                {
                    Node = "ecu2", State = State.Moving, Pace = "slow: 3 min so far, the others took 40 s",
                    Hold = new() { Gate = "Moving", Reason = "RestartQm", Release = "the node being Ready", Since = In(-3), Until = In(7) },
                },
            },
        }));

    [Fact]
    public async Task Write_WhatOnlySomebodyCanEnd_SaysSo() => Assert.Equal(
        """
        Rollout cockpit/7: 0 of 1 nodes ready; waits for ecu1: the node is cordoned
          It does not end by itself: ecu1: the node is cordoned
          ecu1     Cordoned, for 3 m 0 s: the node is cordoned
                   It does not end by itself; what helps: uncordon
          1 waiting

        """,
        await TextAsync(new()
        {
            Rollout = "cockpit/7",
            Summary = "0 of 1 nodes ready; waits for ecu1: the node is cordoned",
            NoEstimateBecause = "ecu1: the node is cordoned",
            Never = true,
            Members = { new RolloutMember { Node = "ecu1", State = State.Waiting, Hold = new() { Gate = "Cordoned", Reason = "the node is cordoned", Release = "uncordon", Since = In(-3), Never = true } } },
        }));

    private static Timestamp In(int minutes) => Now.AddMinutes(minutes).ToTimestamp();

    private static async Task<string> TextAsync(RolloutExplanation explanation)
    {
        using var writer = new StringWriter { NewLine = "\n" };
        await RolloutText.WriteAsync(writer, explanation, Now);
        return writer.ToString();
    }
}
