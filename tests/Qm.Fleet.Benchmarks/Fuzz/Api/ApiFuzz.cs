using System.Collections.Concurrent;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Health.V1;
using Qm.Fleet.Controller.Rest;

namespace Qm.Fleet.Benchmarks.Fuzz.Api;

/// <summary>Calls of every method and every route, each from a seed of its own, several at once.</summary>
internal sealed class ApiFuzz(CallInvoker invoker, HttpClient rest, int seed)
{
    /// <summary>What the calls are called in a replay.</summary>
    internal const string Name = "api";

    private const int AtOnce = 16;
    private readonly ApiCall _call = new(invoker, rest, Methods);

    /// <summary>Every method that the controller serves.</summary>
    private static IReadOnlyList<MethodDescriptor> Methods { get; } =
    [
        .. ApiServices.All.Append(V1.NodeGateway.Descriptor)
            .Concat(HealthReflection.Descriptor.Services).Concat(Grpc.Reflection.V1.ReflectionReflection.Descriptor.Services).SelectMany(static service => service.Methods),
    ];

    /// <summary>Makes so many calls.</summary>
    /// <returns>How often each answer came.</returns>
    /// <exception cref="FuzzFailureException">One was answered as none may be; tells its number.</exception>
    internal async Task<IReadOnlyDictionary<string, long>> RunAsync(long count, long first, CancellationToken ct)
    {
        var answers = new ConcurrentDictionary<string, long>(StringComparer.Ordinal);
        await Parallel.ForAsync(first, first + count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (number, stop) =>
        {
            try
            {
                var answer = await _call.RunAsync(FuzzSeed.Of(seed, Name, number), stop);
                answers.AddOrUpdate(answer, 1, static (_, before) => before + 1);
            }
            catch (FuzzFailureException e)
            {
                throw new FuzzFailureException($"call {number}, again with: fuzz --seed {seed} --only {Name} --first {number} --inputs 1: {e.Message}", e);
            }
        });
        return answers;
    }
}
