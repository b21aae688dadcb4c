using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>Judges what a node says of its clock and its disk; what is barely bad again is not good yet, so that nothing flaps.</summary>
public static class NodeVitals
{
    /// <summary>The clock may be off by this much.</summary>
    public static readonly TimeSpan SkewMax = TimeSpan.FromSeconds(2);

    /// <summary>At least this part of the disk has to be free, in per cent.</summary>
    public const int FreePercentMin = 10;

    /// <summary>And at least so many bytes.</summary>
    public const long FreeBytesMin = 256L << 20;

    private const double Back = 0.75;

    /// <summary>Whether a clock is right, with a sentence that changes only when that does or the clock is off by another second.</summary>
    /// <param name="skew">The node's clock less the controller's.</param>
    /// <param name="wasRight">What was judged before; null when nothing was.</param>
    public static (bool IsRight, string Message) Clock(TimeSpan skew, bool? wasRight)
    {
        var most = wasRight == false ? SkewMax * Back : SkewMax;
        return skew.Duration() <= most
            ? (true, FormattableString.Invariant($"its clock is within {SkewMax.TotalSeconds:0} s of the controller's"))
            : (false, FormattableString.Invariant($"its clock is {skew.Duration().TotalSeconds:0} s {(skew > TimeSpan.Zero ? "ahead of" : "behind")} the controller's; look at chronyd or systemd-timesyncd on the node"));
    }

    /// <summary>Whether there is space, with a sentence that changes only when that does or another per cent is free.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="total">Size of its file system in bytes.</param>
    /// <param name="available">What is free of it.</param>
    /// <param name="hadSpace">What was judged before; null when nothing was.</param>
    public static (bool HasSpace, string Message) Disk(string path, long total, long available, bool? hadSpace)
    {
        var share = hadSpace == false ? 1 / Back : 1;
        var percent = total > 0 ? 100.0 * available / total : 0;
        return percent >= FreePercentMin * share && available >= FreeBytesMin * share
            ? (true, FormattableString.Invariant($"{path} has {FreePercentMin} % and {Sizes.Format((ulong)FreeBytesMin)} free"))
            : (false, FormattableString.Invariant($"{path} has {Math.Floor(percent):0} % of {Sizes.Format(Whole(total))} free, less than {FreePercentMin} % or {Sizes.Format((ulong)FreeBytesMin)}; remove images or logs of QM"));
    }

    private static ulong Whole(long bytes) => (ulong)Math.Max(0, bytes) >> 20 << 20;
}
