using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using Qm.Fleet.V1;
using static Qm.Fleet.V1.CheckResult.Types;

namespace Qm.Fleet.Cli.Output;

/// <summary>Checks in words, and as JUnit's XML for build servers.</summary>
internal static class CheckText
{
    internal static string Of(Verdict verdict) => verdict switch
    {
        Verdict.Pass => "pass",
        Verdict.Fail => "FAIL",
        Verdict.NotApplicable => "not applicable",
        _ => "unknown",
    };

    internal static string Of(Kind kind) => kind switch
    {
        Kind.Static => "static",
        Kind.Runtime => "runtime",
        Kind.Disturbing => "disturbing",
        _ => "-",
    };

    /// <summary>One suite of one node; a check whose answer is unknown is an error, one that does not apply is skipped.</summary>
    internal static string JUnit(string node, IReadOnlyList<CheckResult> results)
    {
        var suite = new XElement("testsuite",
            new XAttribute("name", Clean($"qmfleet checks {node}")),
            new XAttribute("tests", Count(results, _ => true)),
            new XAttribute("failures", Count(results, verdict => verdict == Verdict.Fail)),
            new XAttribute("errors", Count(results, IsUnknown)),
            new XAttribute("skipped", Count(results, verdict => verdict == Verdict.NotApplicable)),
            results.Select(result => new XElement("testcase",
                new XAttribute("classname", Clean($"{node}.{Of(result.Kind)}")), new XAttribute("name", Clean(result.Id)), Outcome(result),
                new XElement("system-out", Clean($"{result.Title}\nsource: {result.Source}\nexpected: {result.Expected}\nfound: {result.Found}")))));
        return new XDocument(new XElement("testsuites", suite)).ToString();
    }

    private static XElement? Outcome(CheckResult result) => result.Verdict switch
    {
        Verdict.Pass => null,
        Verdict.Fail => new("failure", new XAttribute("message", Clean(result.Message))),
        Verdict.NotApplicable => new("skipped", new XAttribute("message", Clean(result.Message))),
        _ => new("error", new XAttribute("message", Clean(result.Message))),
    };

    private static string Count(IReadOnlyList<CheckResult> results, Func<Verdict, bool> holds) =>
        results.Count(result => holds(result.Verdict)).ToString(CultureInfo.InvariantCulture);

    private static bool IsUnknown(Verdict verdict) => verdict is not (Verdict.Pass or Verdict.Fail or Verdict.NotApplicable);

    // What nodes say may hold what XML cannot.
    private static string Clean(string text) => string.Concat(text.Select(letter => XmlConvert.IsXmlChar(letter) ? letter : '?'));
}
