using System.CommandLine;

namespace Qm.Fleet.Benchmarks;

/// <summary>Measurements and endurance runs too long for a test, one verb each.</summary>
internal static class Program
{
    private static Task<int> Main(string[] arguments)
    {
        var root = new RootCommand("Benchmarks, fuzzing and endurance runs of QM Fleet");
        return root.Parse(arguments).InvokeAsync();
    }
}
