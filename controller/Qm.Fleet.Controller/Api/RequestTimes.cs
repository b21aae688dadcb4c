using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <summary>Times and durations of a request, checked; protobuf lets a client send some that are none.</summary>
internal static class RequestTimes
{
    /// <summary>A duration that may be left out.</summary>
    /// <param name="field">Which field.</param>
    /// <param name="asked">What was sent.</param>
    /// <param name="least">The least it may be.</param>
    /// <param name="most">The most it may be.</param>
    /// <param name="problems">Where to note that it is not within them.</param>
    /// <returns>Zero when it is 0, absent or wrong.</returns>
    public static TimeSpan Span(string field, Duration? asked, TimeSpan least, TimeSpan most, List<Problem> problems)
    {
        if (asked is null or { Seconds: 0, Nanos: 0 })
        {
            return TimeSpan.Zero;
        }
        // Seconds that are within bounds fit a TimeSpan, whatever the nanoseconds are.
        var span = asked.Seconds <= (long)most.TotalSeconds && asked.Seconds >= -(long)most.TotalSeconds ? TimeSpan.FromSeconds(asked.Seconds) + TimeSpan.FromMicroseconds(asked.Nanos / 1000) : TimeSpan.MinValue;
        if (span >= least && span <= most)
        {
            return span;
        }
        problems.Add(new(field, string.Create(CultureInfo.InvariantCulture,
            $"{asked.Seconds} s and {asked.Nanos} ns are neither 0 nor within {least.TotalSeconds:0} and {most.TotalSeconds:0} s")));
        return TimeSpan.Zero;
    }

    /// <summary>How long ago a time was that may be left out.</summary>
    /// <returns>Null when it is absent or no time; below zero for what is to come.</returns>
    public static TimeSpan? Ago(string field, Timestamp? asked, DateTimeOffset now, List<Problem> problems)
    {
        if (asked is null)
        {
            return null;
        }
        if (asked.Nanos is >= 0 and < 1_000_000_000 && asked.Seconds >= DateTimeOffset.MinValue.ToUnixTimeSeconds() && asked.Seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds())
        {
            return now - asked.ToDateTimeOffset();
        }
        problems.Add(new(field, string.Create(CultureInfo.InvariantCulture, $"{asked.Seconds} s and {asked.Nanos} ns are no time of this calendar")));
        return null;
    }
}
