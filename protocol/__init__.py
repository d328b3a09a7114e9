"""Focalpoint"""
