using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Checks;

/// <summary>A check that only reads files and the kernel.</summary>
/// <param name="Id">As QM's own test of freedom from interference is named where it is half of one; unique.</param>
/// <param name="Title">What holds when it passes.</param>
/// <param name="Source">What is read.</param>
/// <param name="Expected">What is expected there.</param>
/// <param name="Look">Reads and judges; what cannot be read may be thrown as <see cref="NodeFileException"/>.</param>
internal sealed record StaticCheck(string Id, string Title, string Source, string Expected, Func<NodeFacts, CheckOutcome> Look)
{
    private const int TextLengthMax = 500;

    /// <summary>Looks at a node.</summary>
    public CheckResult Run(NodeFacts facts)
    {
        var outcome = Try(facts);
        return new CheckResult
        {
            Id = Id,
            Title = Title,
            Kind = CheckResult.Types.Kind.Static,
            Source = Source,
            Expected = Expected,
            Found = Shorten(outcome.Found),
            Verdict = outcome.Verdict,
            Message = Shorten(outcome.Message),
        };
    }

    private CheckOutcome Try(NodeFacts facts)
    {
        try
        {
            return Look(facts);
        }
        catch (NodeFileException e)
        {
            return CheckOutcome.Unknown($"The agent {e.Message}.");
        }
        catch (UnauthorizedAccessException e)
        {
            return CheckOutcome.Unknown(e.Message);
        }
        catch (FactMissingException e)
        {
            return CheckOutcome.Unknown(e.Message);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return CheckOutcome.Unknown(Findings.Unforeseen("the verdict", e));
        }
    }

    // Found values are what files say: they may be long, and hold anything.
    private static string Shorten(string text)
    {
        var plain = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
        return plain.Length <= TextLengthMax ? plain : $"{plain[..TextLengthMax]}...";
    }
}
